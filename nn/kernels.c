#include "nn/kernels.h"

#include <stdio.h>
#include <string.h>

static const struct kernels *const tables[] = {
    &kernels_portable,
#if defined(TUTTI_KERNELS_AVX_VNNI_EMULATED) /* by tests/nn/meson.build */
    &kernels_avx_vnni_emulated,
#endif
#if defined(TUTTI_KERNELS_AVX512_EMULATED) /* likewise */
    &kernels_avx512_emulated,
#endif
#if defined(TUTTI_KERNELS_AVX2)
    &kernels_avx2,
#endif
#if defined(TUTTI_KERNELS_AVX_VNNI)
    &kernels_avx_vnni,
#endif
#if defined(TUTTI_KERNELS_AVX512)
    &kernels_avx512,
#endif
#if defined(TUTTI_KERNELS_NEON)
    &kernels_neon,
    &kernels_neon_dot,
#endif
};

/* Names that some build knows, so that a user learns the difference between a wrong name
 * and a wrong machine. */
static const char *const known_names[] = {"portable",    "avx2", "avx-vnni",
                                          "avx512-vnni", "neon", "neon-dot"};

const struct kernels *kernels_at(size_t index)
{
    return index < sizeof tables / sizeof tables[0] ? tables[index] : NULL;
}

static const struct kernels *fastest(void)
{
    const struct kernels *best = &kernels_portable;
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        if (kernels_at(i)->available())
            best = kernels_at(i);
    }
    return best;
}

static void list_available(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; kernels_at(i) != NULL && used < size; i++) {
        if (kernels_at(i)->available())
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     kernels_at(i)->name);
    }
}

const struct kernels *kernels_choose(const char *name, struct tutti_error *error)
{
    if (name == NULL)
        return fastest();
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        if (strcmp(kernels_at(i)->name, name) == 0 && kernels_at(i)->available())
            return kernels_at(i);
    }
    char available[100];
    list_available(available, sizeof available);
    for (size_t i = 0; i < sizeof known_names / sizeof known_names[0]; i++) {
        if (strcmp(known_names[i], name) == 0) {
            tutti_error_set(
                error, TUTTI_ERROR_UNSUPPORTED,
                "kernel \"%s\": this processor or build does not have it (there are: %s)", name,
                available);
            return NULL;
        }
    }
    tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                    "kernel \"%.50s\": there is no such kernel (there are: %s)", name, available);
    return NULL;
}
