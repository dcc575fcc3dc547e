/* daemon_options.h - the command line of tuttid, and the settings that it makes together with the
 * environment and the configuration file. */
#ifndef TUTTI_DAEMON_DAEMON_OPTIONS_H
#define TUTTI_DAEMON_DAEMON_OPTIONS_H

#include "daemon/log.h"
#include "daemon/program.h"
#include "daemon/settings.h"

#include <stdbool.h>

#define DAEMON_NAME "tuttid"

/* Reads them into settings, which are as settings_new() made them. False where there is nothing
 * left to do, because something is wrong or the command line asks for help, the version or a
 * configuration file: then that was printed or logged, and *result is the exit status. */
bool daemon_options_read(int argc, char **argv, struct settings *settings, struct log *log,
                         enum program_exit *result);

#endif
