#include "daemon/device_list.h"

#include "daemon/audio_system.h"
#include "daemon/device_names.h"

#include <stdio.h>
#include <stdlib.h>

static void describe(struct source_device *device, PaDeviceIndex index, const PaDeviceInfo *info)
{
    const PaHostApiInfo *backend = Pa_GetHostApiInfo(info->hostApi);
    const double rate_hz = info->defaultSampleRate;
    *device = (struct source_device){
        .channels = (unsigned)info->maxInputChannels,
        .rate_hz = rate_hz > 0.0 && rate_hz < 1e9 ? (unsigned)(rate_hz + 0.5) : 0,
        .is_default = index == Pa_GetDefaultInputDevice(),
    };
    snprintf(device->system_name, sizeof device->system_name, "%s", info->name);
    snprintf(device->backend, sizeof device->backend, "%s", backend != NULL ? backend->name : "?");
}

enum tutti_status device_list_read(struct device_list *list, struct tutti_error *error)
{
    const PaDeviceIndex all = Pa_GetDeviceCount();
    if (all < 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "the audio devices cannot be listed: %s",
                               Pa_GetErrorText(all));
    *list = (struct device_list){
        .device = calloc((size_t)all + 1, sizeof *list->device),
        .index = calloc((size_t)all + 1, sizeof *list->index),
    };
    if (list->device == NULL || list->index == NULL) {
        device_list_free(list);
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for a list of devices");
    }
    for (PaDeviceIndex index = 0; index < all; index++) {
        const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
        if (info == NULL || info->name == NULL || info->maxInputChannels < 1)
            continue;
        describe(&list->device[list->count], index, info);
        list->index[list->count++] = index;
    }
    device_names_make_stable(list->device, list->count);
    return TUTTI_OK;
}

void device_list_free(struct device_list *list)
{
    free(list->device);
    free(list->index);
}

int source_list_devices(struct source_device *devices, int capacity, struct tutti_error *error)
{
    struct device_list list;
    if (audio_system_enter(true, error) != TUTTI_OK)
        return -1;
    const enum tutti_status status = device_list_read(&list, error);
    audio_system_leave();
    if (status != TUTTI_OK)
        return -1;
    for (size_t i = 0; i < list.count && (int)i < capacity; i++)
        devices[i] = list.device[i];
    device_list_free(&list);
    return (int)list.count;
}
