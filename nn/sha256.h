/* sha256.h - the SHA-256 hash of FIPS 180-4, by which a model file is named.
 *
 * One call for a whole buffer; a model file is read whole anyway. Nothing here
 * allocates, and any number of threads may call it.
 */
#ifndef TUTTI_NN_SHA256_H
#define TUTTI_NN_SHA256_H

#include <stddef.h>

#define SHA256_HEX_SIZE 65 /* 64 lower-case hexadecimal digits and a terminating 0 */

/* Hashes size bytes (data may be NULL if size is 0) into hex. */
void sha256_hex(const void *data, size_t size, char hex[SHA256_HEX_SIZE]);

#endif
