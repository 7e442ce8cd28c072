using System.Runtime.CompilerServices;

// Only this assembly can count the objects that the native library still refers to; tests check that none is left behind.
[assembly: InternalsVisibleTo("Kusto.Ingest.Native.Tests")]
