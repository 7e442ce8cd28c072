using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>A native object that this assembly frees. Any order will do: the library keeps an object alive while others need it.</summary>
internal abstract class NativeHandle : SafeHandle
{
    protected NativeHandle() : base(IntPtr.Zero, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == IntPtr.Zero;
}

internal sealed class ConfigHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_config_free(handle);
        return true;
    }
}

internal sealed class CredentialHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_credential_free(handle);
        return true;
    }
}

internal sealed class ClientHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_client_free(handle);
        return true;
    }
}

internal sealed class PropsHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_props_free(handle);
        return true;
    }
}

/// <summary>A source belongs to us until an ingestion takes it: <see cref="Taken"/>.</summary>
internal sealed class SourceHandle : NativeHandle
{
    /// <summary>To be called after the native call that takes the source, also when that failed.</summary>
    internal void Taken() => SetHandleAsInvalid();

    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_source_free(handle);
        return true;
    }
}

internal sealed class StreamHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_stream_free(handle);
        return true;
    }
}

internal sealed class OpHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_op_free(handle);
        return true;
    }
}

/// <summary>Calls take a <see cref="System.Threading.CancellationToken"/>; only the generated declarations name this.</summary>
internal sealed class CancelHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_cancel_free(handle);
        return true;
    }
}

internal sealed class ResultHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_result_free(handle);
        return true;
    }
}

internal sealed class ReportHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_report_free(handle);
        return true;
    }
}

internal sealed class CommandHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_command_free(handle);
        return true;
    }
}

internal sealed class RequestOptionsHandle : NativeHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_request_options_free(handle);
        return true;
    }
}

internal sealed class RowsHandle : NativeHandle
{
    private long reported;

    /// <summary>Tells the collector what the answer holds, which otherwise would see a small object and leave it alone.</summary>
    internal void ReportSize()
    {
        reported = checked((long)NativeMethods.kusto_rows_size(this));
        if (reported > 0)
        {
            GC.AddMemoryPressure(reported);
        }
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.kusto_rows_free(handle);
        if (reported > 0)
        {
            GC.RemoveMemoryPressure(reported);
        }
        return true;
    }
}
