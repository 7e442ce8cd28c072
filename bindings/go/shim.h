/* What cgo cannot say in Go: function pointers, and Go's handles as user data. */
#ifndef KUSTOINGEST_SHIM_H
#define KUSTOINGEST_SHIM_H

#if defined(KUSTO_STATIC) && defined(__has_include)
#if !__has_include(<kusto_ingest.h>)
#error "the native library is missing: run `cargo xtask stage go` in the checkout of kusto-ingest, or use an installed one with `-tags kusto_dynamic`"
#endif
#endif
#include <kusto_ingest.h>

/* With the header of another version the declarations below would be wrong too. */
#if KUSTO_ABI_VERSION != 0
#error "kusto_ingest.h is of another binary interface than this Go package: run `cargo xtask stage go`"
#endif

/* shim_x calls kusto_x; `cargo xtask test header` compares their parameters.
 * Each takes ownership of `user`, a runtime/cgo handle, even when it fails; goKustoDrop releases it. */
kusto_status shim_credential_callback(uintptr_t user, kusto_credential **out, kusto_error **err);
kusto_status shim_source_bytes(const uint8_t *data, size_t len, uintptr_t user, kusto_source **out,
                               kusto_error **err);
kusto_status shim_source_set_progress(kusto_source *source, uintptr_t user, kusto_error **err);
kusto_status shim_ingest_start(const kusto_client *client, const kusto_props *props,
                               kusto_source *source, int64_t timeout_ms, uintptr_t user,
                               kusto_op **out, kusto_error **err);
kusto_status shim_stream_finish(kusto_stream *stream, int64_t timeout_ms, uintptr_t user, kusto_op **out,
                                kusto_error **err);
kusto_status shim_execute_start(const kusto_client *client, const char *database, size_t database_len,
                                const char *command, size_t command_len, const kusto_request_options *options,
                                int64_t timeout_ms, uintptr_t user, kusto_op **out, kusto_error **err);
kusto_status shim_track_start(const kusto_client *client, const char *token, size_t token_len, int64_t timeout_ms,
                              uintptr_t user, kusto_op **out, kusto_error **err);
kusto_status shim_track_until_final_start(const kusto_client *client, const char *token, size_t token_len,
                                          int64_t poll_ms, int64_t timeout_ms, uintptr_t user, kusto_op **out,
                                          kusto_error **err);
kusto_status shim_outcomes_peek_start(const kusto_client *client, int32_t which, const char *token,
                                      size_t token_len, size_t max, int64_t timeout_ms, uintptr_t user,
                                      kusto_op **out, kusto_error **err);
kusto_status shim_outcomes_take_start(const kusto_client *client, int32_t which, const char *token,
                                      size_t token_len, size_t max, int64_t timeout_ms, uintptr_t user,
                                      kusto_op **out, kusto_error **err);
kusto_status shim_client_warm_up_start(const kusto_client *client, int64_t timeout_ms, uintptr_t user,
                                       kusto_op **out, kusto_error **err);
kusto_status shim_client_warm_up_table_start(const kusto_client *client, const kusto_props *props, int64_t timeout_ms,
                                             uintptr_t user, kusto_op **out, kusto_error **err);
kusto_status shim_config_set_log(kusto_config *config, int32_t max_level, uintptr_t user, kusto_error **err);
kusto_status shim_config_set_prompt(kusto_config *config, uintptr_t user, kusto_error **err);
/* `user` 0 removes the callback. */
kusto_status shim_log_set(int32_t max_level, uintptr_t user, kusto_error **err);

#endif
