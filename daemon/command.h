/* command.h - the commands of `tutti`.
 *
 * Each takes its own command line (argv[0] is the command's name), prints to stdout
 * and stderr, and returns an exit status (enum program_exit). Run by the program's
 * first thread, one after another at most.
 */
#ifndef TUTTI_DAEMON_COMMAND_H
#define TUTTI_DAEMON_COMMAND_H

int command_analyze(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_devices(int argc, char **argv);
int command_model(int argc, char **argv);
int command_watch(int argc, char **argv);

#endif
