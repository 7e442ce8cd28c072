/* Checks an installed library as a user's first program: the header, the matching library, and one
 * call that does real work and fails with a readable error. */
#include <kusto_ingest.h>
#include <stdio.h>

int main(void)
{
    kusto_config *config = NULL;
    kusto_error *error = NULL;
    int problems = 0;

    printf("kusto-ingest %s\n", kusto_version_string());
    if (kusto_version_number() != KUSTO_VERSION_NUMBER || kusto_abi_version() != KUSTO_ABI_VERSION) {
        fprintf(stderr, "header and library differ\n");
        problems++;
    }
    if (kusto_config_parse("No Such Keyword=1", KUSTO_CSTR, &config, &error) == KUSTO_OK || error == NULL) {
        fprintf(stderr, "a wrong connection string was taken\n");
        problems++;
    } else {
        printf("as expected: %s\n", kusto_error_message(error, NULL));
    }
    kusto_error_free(error);
    kusto_config_free(config);
    return problems;
}
