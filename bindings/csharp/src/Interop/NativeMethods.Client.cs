using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>Configs, credentials and clients.</summary>
internal static unsafe partial class NativeMethods
{
    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_config_parse(byte[]? text, nuint length, out ConfigHandle config, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_config_set(ConfigHandle config, byte[]? key, nuint keyLength, byte[]? value, nuint valueLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_config_set_credential(ConfigHandle config, CredentialHandle credential, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_config_redacted(ConfigHandle config, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_config_free(IntPtr config);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_credential_token(byte[]? token, nuint length, out CredentialHandle credential, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_credential_callback(IntPtr callback, IntPtr userData, IntPtr drop, out CredentialHandle credential, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_credential_free(IntPtr credential);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_token_request_scope(IntPtr request, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_token_request_tenant(IntPtr request, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_token_request_complete(IntPtr request, byte[]? token, nuint length, long expiresOn);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_token_request_fail(IntPtr request, int retryable, byte[]? message, nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_client_new(ConfigHandle config, out ClientHandle client, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_client_warm_up_start(
        ClientHandle client, long timeout, IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_client_close(ClientHandle client, long timeout, out ulong abandoned, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_client_free(IntPtr client);
}
