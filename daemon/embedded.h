/* embedded.h - files that are part of the program: the demo piece, the page.
 *
 * At build time the tool `embed` (embed.c) turns a list of files into a C source
 * that defines one table of them, to be declared where it is used:
 *
 *   extern const struct embedded_file demo_files[];
 *   extern const size_t demo_files_count;
 *
 * Constant data: any thread.
 */
#ifndef TUTTI_DAEMON_EMBEDDED_H
#define TUTTI_DAEMON_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* its path below the folder given to the tool, with '/', such as "app.js" */
    const unsigned char *data; /* a 0 byte follows the last one, so that text is a C string */
    size_t size;               /* bytes, without that 0 */
};

#endif
