using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>The C API as include/kusto_ingest.h declares it: blittable types, texts as UTF-8 and length.</summary>
/// <remarks>
/// The declarations are in NativeMethods.g.cs, which <c>cargo xtask generate</c> makes. Callbacks are passed as
/// <see cref="IntPtr"/>; <see cref="Callbacks"/> keeps the delegates alive. A function that takes a source owns it
/// even when it fails: see <see cref="SourceHandle"/>.
/// </remarks>
internal static unsafe partial class NativeMethods
{
    private const string Library = NativeLibraryLoader.Name;
    private const CallingConvention C = CallingConvention.Cdecl;

    static NativeMethods() => NativeLibraryLoader.Register();
}
