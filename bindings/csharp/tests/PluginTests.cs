using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The library in a plugin, which a host unloads.</summary>
public sealed class PluginTests : Bed
{
#if !LIBRARY_NETSTANDARD2_0
    [Test]
    public void ALogDoesNotKeepAPluginFromUnloading()
    {
        WeakReference plugin = LoadAndUnload();
        Eventually("the plugin is gone", () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !plugin.IsAlive;
        });
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference LoadAndUnload()
    {
        AssemblyLoadContext context = new("plugin", isCollectible: true);
        Assembly copy = context.LoadFromAssemblyPath(typeof(KustoLog).Assembly.Location);
        Type log = copy.GetType(typeof(KustoLog).FullName!)!;
        Type callback = copy.GetType(typeof(KustoLogCallback).FullName!)!;
        Type level = copy.GetType(typeof(KustoLogLevel).FullName!)!;
        Delegate ignore = Delegate.CreateDelegate(callback, typeof(PluginTests).GetMethod(nameof(Ignore), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(level));
        log.GetMethod(nameof(KustoLog.Set))!.Invoke(null, [Enum.ToObject(level, (int)KustoLogLevel.Error), ignore]);
        context.Unload();
        return new(context);
    }

    private static void Ignore<T>(T level, string target, string message)
    {
    }
#endif
}
