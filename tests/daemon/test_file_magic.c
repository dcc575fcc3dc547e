#include "daemon/file_magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *name_of(const void *bytes)
{
    return file_magic_name(bytes);
}

static void knows_files(void **state)
{
    (void)state;
    assert_string_equal(name_of("OggS\0\2\0\0\0\0\0\0"), "an Ogg file");
    assert_string_equal(name_of("fLaC\0\0\0\42\20\0\20\0"), "a FLAC file");
    assert_string_equal(name_of("ID3\4\0\0\0\0\0\43TS"), "an MP3 file");
    assert_string_equal(name_of("RIFF\44\0\0\0WAVE"), "a WAV file");
    assert_string_equal(name_of("RF64\377\377\377\377WAVE"), "a WAV file");
    assert_string_equal(name_of("FORM\0\0\1\0AIFF"), "an AIFF file");
    assert_string_equal(name_of("\0\0\0\40ftypM4A "), "an MP4 file");
    assert_string_equal(name_of("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81"),
                        "a Matroska or WebM file");
}

static void takes_nothing_else_for_one(void **state)
{
    (void)state;
    assert_null(name_of("\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_null(name_of("RIFF\44\0\0\0AVI "));
    assert_null(name_of("FORM\0\0\1\0ILBM"));
    assert_null(name_of("oggs\0\2\0\0\0\0\0\0"));
    for (int value = 0; value < 256; value++) {
        unsigned char bytes[FILE_MAGIC_BYTES];
        memset(bytes, value, sizeof bytes);
        assert_null(file_magic_name(bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_files),
        cmocka_unit_test(takes_nothing_else_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
