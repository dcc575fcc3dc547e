/* file_magic.h - what kind of sound file bytes are the beginning of, by their magic
 * numbers.
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_FILE_MAGIC_H
#define TUTTI_DAEMON_FILE_MAGIC_H

#define FILE_MAGIC_BYTES 12

/* With its article, such as "an Ogg file"; NULL: none that is known. Raw samples are taken for one
 * by chance about once in 2^24 times (MP3 files without a tag are therefore not known). */
const char *file_magic_name(const unsigned char bytes[FILE_MAGIC_BYTES]);

#endif
