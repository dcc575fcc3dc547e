#include "daemon/sound_card.h"

#ifdef TUTTI_ALSA

#include <alsa/asoundlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sound_card_is_the_same(const char *system_name)
{
    const char *part = strrchr(system_name, '(');
    int number;
    if (part == NULL ||
        (sscanf(part, "(hw:%d", &number) != 1 && sscanf(part, "(plughw:%d", &number) != 1))
        return true;
    char *name = NULL;
    if (snd_card_get_name(number, &name) < 0)
        return false;
    const size_t length = strlen(name);
    const bool same = strncmp(system_name, name, length) == 0 && system_name[length] == ':';
    free(name);
    return same;
}

#else

bool sound_card_is_the_same(const char *system_name)
{
    (void)system_name;
    return true;
}

#endif
