/* The player in C of tests/conformance: carries out its input through kusto_ingest.h and reports the
 * results. One translation unit, so that one command compiles it. */
#include "questions.h"

static void reset(const struct message *said)
{
    (void)said;
    free_operations();
    free_clients();
    answer(KUSTO_OK, NULL);
}

struct verb {
    const char *name;
    void (*play)(const struct message *said);
    const char *keys;
};

static const struct verb verbs[] = {
    {"client", make_client, "client connection login application file setting"},
    {"start", start,
     "client op database table source path blob blob_raw_size blob_id piece fail_after format mapping_ref mapping "
     "tag mode report_level report_method property named source_id compression raw_size timeout cancelled progress"},
    {"wait", wait_for, "op"},
    {"cancel", cancel, "op"},
    {"track", track, "client op final timeout as"},
    {"outcomes", outcomes, "client op how which max timeout as"},
    {"execute", execute, "client database text parameter option timeout cancelled as"},
    {"warm_up", warm_up, "client timeout as"},
    {"close", close_client, "client timeout as"},
    {"reset", reset, ""},
};

static int is_among(const char *keys, const char *key)
{
    const size_t length = strlen(key);
    const char *found = keys;
    while ((found = strstr(found, key)) != NULL) {
        if ((found == keys || found[-1] == ' ') && (found[length] == ' ' || found[length] == '\0'))
            return 1;
        found += length;
    }
    return 0;
}

static void play(const struct message *said)
{
    size_t i = 0, pair;
    while (i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].name, said->verb) != 0)
        i++;
    if (i == sizeof verbs / sizeof *verbs)
        die("unknown verb: %s", said->verb);
    for (pair = 0; pair < said->count; pair++)
        if (!is_among(verbs[i].keys, said->pairs[pair].key))
            die("%s: unknown key: %s", said->verb, said->pairs[pair].key);
    verbs[i].play(said);
}

int main(void)
{
    struct message said;
    while (next_message(&said)) {
        play(&said);
        free_message(&said);
    }
    free_message(&said);
    free_operations();
    free_clients();
    return 0;
}
