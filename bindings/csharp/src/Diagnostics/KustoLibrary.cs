using System;
using System.Linq;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>The native library that does the work.</summary>
public static class KustoLibrary
{
    /// <summary>How this assembly identifies itself to the service: NAME/VERSION.</summary>
    internal const string WrapperName = "kusto-ingest-csharp/0.1.0";

    /// <summary>How the run-time identifies itself to the service: NAME/VERSION, such as ".NET/8.0.11" or ".NETFramework/4.8.9300.0".</summary>
    internal static string RuntimeName { get; } = NameOf(RuntimeInformation.FrameworkDescription);

    /// <summary>The native library's version, such as "0.1.0".</summary>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
    public static unsafe string Version
    {
        get
        {
            NativeLibraryLoader.EnsureUsable();
            return NativeText.ReadStatic(NativeMethods.kusto_version_string());
        }
    }

    /// <summary>How the native library was built, as JSON, for bug reports.</summary>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
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
    /// <returns>True if it is; false also for unknown names.</returns>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
    public static bool HasFeature(string name)
    {
        NativeLibraryLoader.EnsureUsable();
        NativeText text = new(name ?? throw new ArgumentNullException(nameof(name)));
        return NativeMethods.kusto_has_feature(text.Bytes!, text.Length) != 0;
    }

    /// <summary>A description has words, and then the version.</summary>
    internal static string NameOf(string framework)
    {
        string[] words = framework.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
        int version = Array.FindIndex(words, word => char.IsDigit(word[0]));
        return version < 0
            ? $".NET/{Environment.Version}"
            : $"{string.Concat(words.Take(version))}/{words[version]}";
    }
}
