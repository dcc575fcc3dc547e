#include "daemon/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 100 /* temporary names to try; taken ones are left over from a crash */

struct output_file {
    FILE *stream;
    char path[PATH_MAX];
    char temporary[PATH_MAX + 32]; /* "": has no name yet */
    bool direct;                   /* no regular file: written to at once */
};

static struct output_file *refuse(struct output_file *file, const char *path, int reason,
                                  struct tutti_error *error)
{
    tutti_error_set(error, TUTTI_ERROR_IO, "cannot write %s: %s", path, strerror(reason));
    output_file_discard(file);
    return NULL;
}

static void name_temporary(struct output_file *file, int number)
{
    snprintf(file->temporary, sizeof file->temporary, "%s.%ld-%d.tmp", file->path, (long)getpid(),
             number);
}

/* A file without a name, which vanishes by itself if we do not come to give it one. */
static int open_nameless(const struct output_file *file)
{
    char folder[PATH_MAX];
    strcpy(folder, file->path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else
        slash[slash == folder] = '\0';
    return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
}

/* For file systems that have no nameless files. */
static int open_named(struct output_file *file)
{
    int descriptor = -1;
    for (int i = 0; descriptor < 0 && i < NAMES_MAX; i++) {
        name_temporary(file, i);
        descriptor = open(file->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    if (descriptor < 0)
        file->temporary[0] = '\0';
    return descriptor;
}

/* The path with all links followed, or as it is if there is nothing yet; 0 or the reason why not. A
 * link stays a link: what it points to is replaced. One that points to nothing would itself be
 * replaced, so it is refused. */
static int resolve(const char *path, char resolved[PATH_MAX])
{
    struct stat link;
    if (realpath(path, resolved) != NULL)
        return 0;
    int reason = errno;
    if (*path == '\0' || strlen(path) >= PATH_MAX)
        return *path == '\0' ? ENOENT : ENAMETOOLONG;
    if (lstat(path, &link) == 0)
        return reason;
    strcpy(resolved, path);
    return 0;
}

/* Opens a file beside the target, with the owner and the rights of the target if there is one: the
 * new file takes its place, not its access. What may not be written is not replaced either. */
static int open_temporary(struct output_file *file, const struct stat *target)
{
    if (target != NULL && faccessat(AT_FDCWD, file->path, W_OK, AT_EACCESS) != 0)
        return -1;
    int descriptor = open_nameless(file);
    if (descriptor < 0)
        descriptor = open_named(file);
    if (descriptor < 0 || target == NULL)
        return descriptor;
    struct stat own;
    bool kept = fstat(descriptor, &own) == 0 &&
                ((own.st_uid == target->st_uid && own.st_gid == target->st_gid) ||
                 fchown(descriptor, target->st_uid, target->st_gid) == 0) &&
                fchmod(descriptor, target->st_mode & 07777) == 0;
    if (!kept) {
        int reason = errno;
        close(descriptor);
        errno = reason;
        return -1;
    }
    return descriptor;
}

struct output_file *output_file_open(const char *path, struct tutti_error *error)
{
    struct output_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return refuse(file, path, ENOMEM, error);
    int wrong = resolve(path, file->path);
    if (wrong != 0)
        return refuse(file, path, wrong, error);
    struct stat target;
    bool exists = stat(path, &target) == 0;
    if (exists && S_ISDIR(target.st_mode))
        return refuse(file, path, EISDIR, error);
    file->direct = exists && !S_ISREG(target.st_mode);
    int descriptor = file->direct ? open(path, O_WRONLY | O_CLOEXEC)
                                  : open_temporary(file, exists ? &target : NULL);
    if (descriptor < 0)
        return refuse(file, path, errno, error);
    file->stream = fdopen(descriptor, "w");
    if (file->stream == NULL) {
        int reason = errno;
        close(descriptor);
        return refuse(file, path, reason, error);
    }
    return file;
}

bool output_file_replaces(const char *path, const char *other)
{
    struct stat first;
    struct stat second;
    return stat(path, &first) == 0 && stat(other, &second) == 0 && S_ISREG(first.st_mode) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

FILE *output_file_stream(struct output_file *file)
{
    return file->stream;
}

/* Gives a nameless file a name beside its target, for rename(2) to replace that. */
static bool give_temporary_name(struct output_file *file)
{
    char descriptor[64];
    snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", fileno(file->stream));
    for (int i = 0; i < NAMES_MAX; i++) {
        name_temporary(file, i);
        if (linkat(AT_FDCWD, descriptor, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    file->temporary[0] = '\0';
    return false;
}

enum tutti_status output_file_commit(struct output_file *file, struct tutti_error *error)
{
    bool good = fflush(file->stream) == 0 && !ferror(file->stream);
    if (good && !file->direct)
        good = fsync(fileno(file->stream)) == 0 &&
               (file->temporary[0] != '\0' || give_temporary_name(file)) &&
               rename(file->temporary, file->path) == 0;
    int reason = errno;
    if (good)
        file->temporary[0] = '\0';
    if (fclose(file->stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    file->stream = NULL;
    if (!good) {
        refuse(file, file->path, reason, error);
        return TUTTI_ERROR_IO;
    }
    output_file_discard(file);
    return TUTTI_OK;
}

void output_file_discard(struct output_file *file)
{
    if (file == NULL)
        return;
    if (file->stream != NULL)
        fclose(file->stream);
    if (file->temporary[0] != '\0')
        unlink(file->temporary);
    free(file);
}
