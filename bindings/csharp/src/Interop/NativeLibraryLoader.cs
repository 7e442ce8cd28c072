using System;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>Finds the native library and refuses one with another binary interface.</summary>
internal static class NativeLibraryLoader
{
    internal const string Name = "kusto_ingest";

    /// <summary>KUSTO_ABI_VERSION of the header to which <see cref="NativeMethods"/> corresponds.</summary>
    private const uint AbiVersion = 0;

    /// <summary>The path of a library to load instead of the one the system finds (.NET 5 and later).</summary>
    private const string PathVariable = "KUSTO_INGEST_LIBRARY";

    private static volatile bool usable;

    /// <summary>To be called before the first native call of every object that users can create.</summary>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
    internal static void EnsureUsable()
    {
        if (usable)
        {
            return;
        }
        Check(FoundAbiVersion());
        usable = true;
    }

    internal static void Check(uint found)
    {
        if (found != AbiVersion)
        {
            throw new DllNotFoundException(
                $"The native library {Name} has binary interface {found}, but this assembly was made for {AbiVersion}: " +
                "install a library of the same version as the assembly.");
        }
    }

    private static uint FoundAbiVersion()
    {
        try
        {
            return NativeMethods.kusto_abi_version();
        }
        catch (Exception cause) when (cause is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new DllNotFoundException(
                $"The native library {Name} cannot be used: put it beside the program, into runtimes/RID/native, or where " +
                $"the system looks for libraries. {cause.Message}", cause);
        }
    }

#if NET5_0_OR_GREATER
    internal static void Register()
    {
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(NativeMethods).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The program has already set a resolver for this assembly.
        }
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        string? path = Environment.GetEnvironmentVariable(PathVariable);
        return name == Name && !string.IsNullOrEmpty(path) ? NativeLibrary.Load(path!) : IntPtr.Zero;
    }
#else
    internal static void Register()
    {
    }
#endif
}
