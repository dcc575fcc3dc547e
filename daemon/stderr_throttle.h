/* stderr_throttle.h - limits what libraries may print to stderr.
 *
 * PortAudio reports a device that disappears in the middle of an overrun on stderr,
 * a hundred thousand times a second until it is closed: enough to fill a journal. It
 * cannot be told not to. So the program replaces the stream `stderr`, as glibc allows,
 * by one that passes on a few lines a second, and not many more an hour
 * (line_limit.h), to the descriptor and drops the rest, saying so and how many. What goes to the
 * descriptor directly (a sanitizer) and to the stream that was stderr before (the program's own
 * log) is not touched; a failed assertion of the C library goes to `stderr` as it is now, and so is
 * one of the lines. There is no thread and no pipe behind it that could fill up.
 *
 * Threads: begin and end while there is one thread; in between any may print.
 */
#ifndef TUTTI_DAEMON_STDERR_THROTTLE_H
#define TUTTI_DAEMON_STDERR_THROTTLE_H

struct stderr_throttle; /* opaque */

/* From here on lines_per_s lines a second and lines_per_h an hour (at least 1 each) come through.
 * How many did not is said before the next one that does, or at the end. NULL, with stderr as it
 * was, if memory is short or the C library does not let it be replaced. */
struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s, unsigned lines_per_h);

/* From here on what libmpg123 prints does not come through: every header of a damaged file that it
 * does not like. It is for a program that tells by itself what is wrong. All else does, last words
 * of a library among them, and waits for its reader as usual. NULL as above. */
struct stderr_throttle *stderr_throttle_begin_silence(void);

/* stderr is what it was before. NULL is fine. */
void stderr_throttle_end(struct stderr_throttle *throttle);

#endif
