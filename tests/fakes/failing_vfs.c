#include "tests/fakes/failing_vfs.h"

#include <sqlite3.h>
#include <string.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    enum failing_how how;
    unsigned long at;
    unsigned long writes;
    bool has_failed;
} state;

static sqlite3_file *
real(sqlite3_file *file)
{
    return ((struct file *)(void *)file)->real;
}

static bool
is_dead(void)
{
    return state.has_failed && state.how == FAILING_KILL;
}

/* 0: go on. */
static int
fail(void)
{
    if (is_dead())
        return SQLITE_IOERR_WRITE;
    if (state.at == 0 || ++state.writes != state.at)
        return SQLITE_OK;
    state.has_failed = true;
    return state.how == FAILING_KILL ? SQLITE_IOERR_WRITE : SQLITE_FULL;
}

static int
file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int
file_read(sqlite3_file *file, void *octets, int length, sqlite3_int64 at)
{
    return is_dead() ? SQLITE_IOERR_READ
                     : real(file)->pMethods->xRead(real(file), octets, length, at);
}

static int
file_write(sqlite3_file *file, const void *octets, int length, sqlite3_int64 at)
{
    bool was_dead = is_dead();
    int result;

    if (state.at == 0)
        state.writes++;
    result = fail();
    if (result == SQLITE_OK)
        return real(file)->pMethods->xWrite(real(file), octets, length, at);
    /* A part of it got there. */
    if (!was_dead && state.how == FAILING_KILL && length > 1)
        (void)real(file)->pMethods->xWrite(
            real(file), octets, (int)(state.at * 7919 % (unsigned long)length), at);
    return result;
}

static int
file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return is_dead() ? SQLITE_IOERR_TRUNCATE
                     : real(file)->pMethods->xTruncate(real(file), size);
}

static int
file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return is_dead() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int
file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int
file_lock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xLock(real(file), lock);
}

static int
file_unlock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xUnlock(real(file), lock);
}

static int
file_check_lock(sqlite3_file *file, int *is_locked)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), is_locked);
}

static int
file_control(sqlite3_file *file, int what, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int
file_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int
file_kind(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int
file_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

static int
file_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), at, count, flags);
}

static void
file_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int
file_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_kind,
    .xShmMap = file_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_barrier,
    .xShmUnmap = file_unmap,
};

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *given)
{
    struct file *own = (struct file *)(void *)file;
    int result;

    (void)vfs;
    own->base.pMethods = NULL;
    own->real = (sqlite3_file *)(void *)(own + 1);
    result = state.real->xOpen(state.real, name, own->real, flags, given);
    if (result == SQLITE_OK)
        own->base.pMethods = &methods;
    return result;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return is_dead() ? SQLITE_IOERR_DELETE : state.real->xDelete(state.real, name, sync);
}

void
failing_vfs_register(void)
{
    state.real = sqlite3_vfs_find(NULL);
    state.vfs = *state.real;
    state.vfs.zName = "failing";
    state.vfs.szOsFile = (int)sizeof(struct file) + state.real->szOsFile;
    state.vfs.xOpen = vfs_open;
    state.vfs.xDelete = vfs_delete;
    (void)sqlite3_vfs_register(&state.vfs, 1);
}

void
failing_vfs_arm(enum failing_how how, unsigned long write)
{
    state.how = how;
    state.at = write;
    state.writes = 0;
    state.has_failed = false;
}

unsigned long
failing_vfs_writes(void)
{
    return state.writes;
}

bool
failing_vfs_has_failed(void)
{
    return state.has_failed;
}
