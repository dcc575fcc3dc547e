/* status.h - how every module of Tutti says that something went wrong.
 *
 * A function that can fail returns an `enum tutti_status` (0 is success) or a
 * pointer (NULL is failure), and fills a caller-owned `struct tutti_error` with
 * a sentence for a person. Libraries never print and never exit.
 *
 * Threads: a struct tutti_error belongs to one thread at a time. Nothing here
 * allocates.
 */
#ifndef TUTTI_COMMON_STATUS_H
#define TUTTI_COMMON_STATUS_H

#define TUTTI_ERROR_TEXT_SIZE 512

enum tutti_status {
    TUTTI_OK = 0,
    TUTTI_ERROR_ARGUMENT,    /* the caller broke the contract, or a user gave a bad value */
    TUTTI_ERROR_MEMORY,      /* out of memory */
    TUTTI_ERROR_IO,          /* the system refused: open, read, bind, ... */
    TUTTI_ERROR_FORMAT,      /* what was read is malformed */
    TUTTI_ERROR_UNSUPPORTED, /* well-formed, but not something this build can do */
    TUTTI_ERROR_NOT_FOUND,   /* no such file, device, label, ... */
};

struct tutti_error {
    enum tutti_status status;
    char text[TUTTI_ERROR_TEXT_SIZE]; /* one sentence, no newline, names place and reason */
};

/* Fills *error, cutting the text to size, and returns status so that a caller
 * can `return tutti_error_set(error, ...)`. Control characters in the finished
 * text, and what is not UTF-8, become '?', because parts of it may come from a
 * hostile file. error may be NULL: then only the status is returned. Cannot fail. */
enum tutti_status tutti_error_set(struct tutti_error *error, enum tutti_status status,
                                  const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
