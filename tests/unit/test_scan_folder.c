/*
 * Where a worker's temporary files go: on disk for everybody, in memory for root.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_folder.h"
#include "milters/scan/scan_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 1 << 20, PLACES = 3, TOO_DEEP = 70 };

static char temp[] = "/tmp/postshift-folder.XXXXXX";
static struct scan_folders folders;

static bool
is_folder(const char *path)
{
    struct stat about;

    return lstat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Skips where the kernel refuses it. */
static void
use_memory(void)
{
    struct error error;

    if (scan_folder_use_memory(&folders, PLACES, SIZE, &error))
        return;
    print_message("# %s\n", error.text);
    scan_folder_remove(&folders);
    skip();
}

static void
put(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void
on_disk_a_worker_has_a_folder_until_it_ends(void **state)
{
    struct scan_folder folder;

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    assert_true(scan_folder_take(&folders, 0, 7, &folder));
    assert_int_equal(folder.memory, -1);
    assert_true(is_folder(folder.path));
    scan_folder_give_back(&folders, &folder);
    assert_false(is_folder(folder.path));
    scan_folder_remove(&folders);
    assert_false(is_folder(folders.base));
}

static void
on_disk_it_comes_back_when_swept_away(void **state)
{
    struct scan_folder folder;
    char before[SCAN_TEMP_MAX];

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    (void)memcpy(before, folders.base, sizeof(before));
    scan_temp_remove(before);
    assert_true(scan_folder_take(&folders, 0, 7, &folder));
    assert_true(is_folder(folder.path));
    assert_string_not_equal(before, folders.base);
    scan_folder_remove(&folders);
}

static void
in_memory_it_is_empty_for_the_next_worker(void **state)
{
    struct scan_folder first;
    struct scan_folder next;
    struct scan_folder beside;

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    use_memory();
    assert_true(scan_folder_take(&folders, 1, 7, &first));
    assert_true(scan_folder_take(&folders, 2, 8, &beside));
    assert_true(first.memory >= 0 && beside.memory >= 0);
    assert_string_equal(first.path, "");
    put(first.memory, "part");
    put(beside.memory, "other");
    assert_int_equal(mkdirat(first.memory, "folder", 0700), 0);
    put(first.memory, "folder/part");
    scan_folder_give_back(&folders, &first);
    assert_true(scan_folder_take(&folders, 1, 9, &next));
    assert_int_equal(next.memory, first.memory);
    assert_int_equal(faccessat(next.memory, "part", F_OK, 0), -1);
    assert_int_equal(faccessat(next.memory, "folder", F_OK, 0), -1);
    assert_int_equal(faccessat(beside.memory, "other", F_OK, 0), 0);
    scan_folder_remove(&folders);
}

static void
what_can_not_be_emptied_is_let_go(void **state)
{
    struct scan_folder folder;
    int deep;

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    use_memory();
    assert_true(scan_folder_take(&folders, 0, 7, &folder));
    deep = dup(folder.memory);
    for (int i = 0; i < TOO_DEEP; i++) {
        int next;

        assert_int_equal(mkdirat(deep, "d", 0700), 0);
        next = openat(deep, "d", O_PATH | O_DIRECTORY);
        (void)close(deep);
        deep = next;
    }
    (void)close(deep);
    scan_folder_give_back(&folders, &folder);
    assert_int_equal(fcntl(folder.memory, F_GETFD), -1);
    assert_true(scan_folder_take(&folders, 0, 8, &folder));
    assert_int_equal(folder.memory, -1);
    assert_true(is_folder(folder.path));
    assert_true(scan_folder_take(&folders, 1, 9, &folder));
    assert_true(folder.memory >= 0);
    scan_folder_remove(&folders);
}

static void
beyond_its_places_it_is_on_disk(void **state)
{
    struct scan_folder folder;

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    use_memory();
    assert_true(scan_folder_take(&folders, PLACES, 7, &folder));
    assert_int_equal(folder.memory, -1);
    assert_true(is_folder(folder.path));
    scan_folder_remove(&folders);
}

static void
a_worker_keeps_its_own_only(void **state)
{
    struct scan_folder own;
    pid_t child;
    int status;

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    use_memory();
    assert_true(scan_folder_take(&folders, 1, 7, &own));
    child = fork();
    if (child == 0) {
        scan_folder_close_others(&folders, &own);
        _exit(fcntl(own.memory, F_GETFD) >= 0 && fcntl(folders.lock, F_GETFD) < 0 &&
                      fcntl(folders.memory[0], F_GETFD) < 0 &&
                      fcntl(folders.memory[2], F_GETFD) < 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    scan_folder_remove(&folders);
}

static size_t
read_mounts(char *out, size_t size)
{
    FILE *file = fopen("/proc/self/mounts", "re");
    size_t length;

    assert_non_null(file);
    length = fread(out, 1, size, file);
    (void)fclose(file);
    return length;
}

/* What the worker may not do there the file system says, not only its own locks. */
static void
memory_is_mounted_nowhere_and_runs_nothing(void **state)
{
    static char before[1 << 16];
    static char now[1 << 16];
    struct scan_folder folder;
    struct statvfs about;
    size_t length = read_mounts(before, sizeof(before));

    (void)state;
    assert_true(scan_folder_open(&folders, temp, 0, 0));
    assert_false(scan_memory_holds("/proc"));
    use_memory();
    assert_int_equal(read_mounts(now, sizeof(now)), length);
    assert_memory_equal(before, now, length);
    assert_true(scan_folder_take(&folders, 0, 7, &folder));
    assert_int_equal(fstatvfs(folder.memory, &about), 0);
    assert_int_equal(about.f_flag & (ST_NOEXEC | ST_NOSUID | ST_NODEV),
        ST_NOEXEC | ST_NOSUID | ST_NODEV);
    assert_int_equal(about.f_blocks * about.f_frsize, SIZE);
    assert_int_equal(openat(folder.memory, "../etc/passwd", O_RDONLY), -1);
    scan_folder_remove(&folders);
}

static void
who_has_no_rights_gets_none_and_goes_to_disk(void **state)
{
    pid_t child;
    int status;

    (void)state;
    if (getuid() != 0)
        skip();
    child = fork();
    if (child == 0) {
        struct scan_folder folder;
        struct error error;
        bool good = setresuid(65534, 65534, 65534) == 0 &&
                    scan_folder_open(&folders, temp, 65534, 65534) &&
                    !scan_folder_use_memory(&folders, PLACES, SIZE, &error) &&
                    strncmp(error.text, "no file system in memory: ", 26) == 0 &&
                    scan_folder_take(&folders, 0, 7, &folder) && folder.memory == -1 &&
                    is_folder(folder.path);

        scan_folder_remove(&folders);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int
make_temp(void **state)
{
    (void)state;
    return mkdtemp(temp) == NULL || chmod(temp, 0777) < 0 ? -1 : 0;
}

static int
remove_temp(void **state)
{
    (void)state;
    return rmdir(temp);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_disk_a_worker_has_a_folder_until_it_ends),
        cmocka_unit_test(on_disk_it_comes_back_when_swept_away),
        cmocka_unit_test(in_memory_it_is_empty_for_the_next_worker),
        cmocka_unit_test(what_can_not_be_emptied_is_let_go),
        cmocka_unit_test(beyond_its_places_it_is_on_disk),
        cmocka_unit_test(a_worker_keeps_its_own_only),
        cmocka_unit_test(memory_is_mounted_nowhere_and_runs_nothing),
        cmocka_unit_test(who_has_no_rights_gets_none_and_goes_to_disk),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
