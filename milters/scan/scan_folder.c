#include "milters/scan/scan_folder.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "milters/scan/scan_memory.h"

enum { WASTE = 16 };

bool
scan_folder_open(struct scan_folders *folders, const char *temp, uid_t user, gid_t group)
{
    *folders =
        (struct scan_folders){.temp = temp, .user = user, .group = group, .lock = -1};
    return scan_temp_make_base(temp, user, group, folders->base, &folders->lock);
}

static void
let_go(struct scan_folders *folders, unsigned place)
{
    if (folders->memory[place] >= 0)
        (void)close(folders->memory[place]);
    folders->memory[place] = -1;
}

bool
scan_folder_use_memory(
    struct scan_folders *folders, unsigned places, uint64_t size, struct error *error)
{
    bool to_user = getuid() == 0 && folders->user != 0;
    uid_t user = to_user ? folders->user : geteuid();
    gid_t group = to_user ? folders->group : getegid();

    if (places > SCAN_WORKERS_MAX)
        places = SCAN_WORKERS_MAX;
    for (; folders->places < places; folders->places++) {
        int memory = scan_memory_make(size, user, group, error);

        if (memory < 0)
            break;
        folders->memory[folders->places] = memory;
    }
    if (folders->places == places)
        return true;
    while (folders->places > 0)
        let_go(folders, --folders->places);
    return false;
}

/* The keeper's own folder may have been swept away by somebody who tidies up /tmp. */
static bool
take_on_disk(struct scan_folders *folders, int number, struct scan_folder *folder)
{
    uid_t user = folders->user;
    gid_t group = folders->group;

    if (scan_temp_make(folders->base, number, user, group, folder->path))
        return true;
    return errno == ENOENT &&
           scan_temp_make_base(
               folders->temp, user, group, folders->base, &folders->lock) &&
           scan_temp_make(folders->base, number, user, group, folder->path);
}

bool
scan_folder_take(
    struct scan_folders *folders, unsigned place, int number, struct scan_folder *folder)
{
    *folder = (struct scan_folder){.memory = -1};
    if (place < folders->places)
        folder->memory = folders->memory[place];
    return folder->memory >= 0 || take_on_disk(folders, number, folder);
}

uint64_t
scan_folder_room(const struct scan_folder *folder, unsigned sharers)
{
    struct statvfs about;
    uint64_t room;
    int done = folder->memory >= 0 ? fstatvfs(folder->memory, &about)
                                   : statvfs(folder->path, &about);

    if (done < 0)
        return UINT64_MAX;
    room = (uint64_t)about.f_blocks * about.f_frsize;
    if (folder->memory < 0)
        room /= sharers;
    return room - room / WASTE;
}

/* What can't be emptied (a worker may have made folders too deep, or shut) is let go as a
 * whole; the next worker at that place goes to disk. */
void
scan_folder_give_back(struct scan_folders *folders, const struct scan_folder *folder)
{
    if (folder->memory < 0) {
        scan_temp_remove(folder->path);
        return;
    }
    if (scan_temp_empty(folder->memory))
        return;
    for (unsigned place = 0; place < folders->places; place++) {
        if (folders->memory[place] == folder->memory)
            let_go(folders, place);
    }
}

void
scan_folder_close_others(
    const struct scan_folders *folders, const struct scan_folder *own)
{
    (void)close(folders->lock);
    for (unsigned place = 0; place < folders->places; place++) {
        int memory = folders->memory[place];

        if (memory >= 0 && memory != own->memory)
            (void)close(memory);
    }
}

void
scan_folder_remove(const struct scan_folders *folders)
{
    scan_temp_remove(folders->base);
}
