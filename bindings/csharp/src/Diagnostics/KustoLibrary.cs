using System;

namespace Kusto.Ingest.Native;

/// <summary>The native library that does the work.</summary>
public static class KustoLibrary
{
    /// <summary>How this assembly names itself to the service: NAME/VERSION.</summary>
    internal const string WrapperName = "kusto-ingest-csharp/0.1.0";

    /// <summary>The native library's version, such as "0.1.0".</summary>
    /// <exception cref="DllNotFoundException">There is no library, or it does not fit.</exception>
    public static unsafe string Version
    {
        get
        {
            NativeLibraryLoader.EnsureUsable();
            return NativeText.ReadStatic(NativeMethods.kusto_version_string());
        }
    }

    /// <summary>How the native library was built, as JSON, for reports of defects.</summary>
    /// <exception cref="DllNotFoundException">There is no library, or it does not fit.</exception>
    public static unsafe string BuildInfo
    {
        get
        {
            NativeLibraryLoader.EnsureUsable();
            return NativeText.ReadStatic(NativeMethods.kusto_build_info());
        }
    }

    /// <summary>Whether an optional part of the native library is built in. This version has none.</summary>
    /// <param name="name">The part's name.</param>
    /// <returns>False for names it does not know, too.</returns>
    /// <exception cref="DllNotFoundException">There is no library, or it does not fit.</exception>
    public static bool HasFeature(string name)
    {
        NativeLibraryLoader.EnsureUsable();
        NativeText text = new(name ?? throw new ArgumentNullException(nameof(name)));
        return NativeMethods.kusto_has_feature(text.Bytes!, text.Length) != 0;
    }
}
