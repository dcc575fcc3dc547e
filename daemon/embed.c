/* embed - a build tool: writes files as one C source (see embedded.h).
 *
 *   embed OUTPUT.c TABLE FOLDER FILE...
 *
 * TABLE is the C name of the table; each FILE must lie below FOLDER and gets the
 * rest of its path as its name. It runs on the machine that builds.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_PER_LINE 24

static bool is_identifier(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return text[0] != '\0' && strspn(text, allowed) == strlen(text) &&
           !(text[0] >= '0' && text[0] <= '9');
}

/* The bytes of one file as the array TABLE_index, and a 0 behind them. */
static bool write_bytes(FILE *out, const char *table, int index, const char *path, size_t *size)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fprintf(stderr, "embed: cannot open %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(out, "static const unsigned char %s_%d[] = {\n", table, index);
    *size = 0;
    for (int byte; (byte = getc(in)) != EOF; (*size)++)
        fprintf(out, "%d,%s", byte, (*size + 1) % BYTES_PER_LINE == 0 ? "\n" : "");
    fprintf(out, "0};\n");
    const bool fine = !ferror(in);
    if (!fine)
        fprintf(stderr, "embed: cannot read %s: %s\n", path, strerror(errno));
    fclose(in);
    return fine;
}

/* The path of a file below the folder; NULL if it is elsewhere. Points into real_path. */
static const char *name_below(const char *folder, const char *path, char real_path[PATH_MAX])
{
    const size_t length = strlen(folder);
    if (realpath(path, real_path) == NULL) {
        fprintf(stderr, "embed: no file %s: %s\n", path, strerror(errno));
        return NULL;
    }
    if (strncmp(real_path, folder, length) != 0 || real_path[length] != '/' ||
        strpbrk(real_path + length, "\"\\\n") != NULL) {
        fprintf(stderr, "embed: %s does not lie below %s\n", path, folder);
        return NULL;
    }
    return real_path + length + 1;
}

static bool write_source(FILE *out, const char *table, const char *folder, int files, char **file)
{
    char real_folder[PATH_MAX];
    char real_path[PATH_MAX];
    size_t *sizes = calloc((size_t)files, sizeof *sizes);
    bool fine = sizes != NULL && realpath(folder, real_folder) != NULL;
    if (!fine)
        fprintf(stderr, "embed: no folder %s: %s\n", folder, strerror(errno));
    fprintf(out, "#include \"daemon/embedded.h\"\n");
    for (int i = 0; fine && i < files; i++)
        fine = write_bytes(out, table, i, file[i], &sizes[i]);
    fprintf(out,
            "extern const struct embedded_file %s[];\nextern const size_t %s_count;\n"
            "const struct embedded_file %s[] = {\n",
            table, table, table);
    for (int i = 0; fine && i < files; i++) {
        const char *name = name_below(real_folder, file[i], real_path);
        fine = name != NULL;
        if (fine)
            fprintf(out, "    {\"%s\", %s_%d, %zu},\n", name, table, i, sizes[i]);
    }
    fprintf(out, "};\nconst size_t %s_count = %d;\n", table, files);
    free(sizes);
    return fine;
}

int main(int argc, char **argv)
{
    if (argc < 5 || !is_identifier(argv[2])) {
        fprintf(stderr, "usage: embed OUTPUT.c TABLE FOLDER FILE...\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "w");
    if (out == NULL) {
        fprintf(stderr, "embed: cannot write %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    const bool written = write_source(out, argv[2], argv[3], argc - 4, argv + 4);
    const bool flushed = !ferror(out) && fclose(out) == 0;
    if (!written || !flushed) {
        if (!flushed)
            fprintf(stderr, "embed: cannot write %s\n", argv[1]);
        remove(argv[1]);
        return 1;
    }
    return 0;
}
