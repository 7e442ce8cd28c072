using System.Runtime.CompilerServices;

// What is left behind in native hands can be counted inside only.
[assembly: InternalsVisibleTo("Kusto.Ingest.Native.Tests")]
