// Runs the NUnit tests of the assembly that it is compiled into, without an SDK.
//
// Kusto.Ingest.Native.Tests [EXPRESSION]: all tests, or those whose full names match. It ends well if one passed and
// none failed; its last line is `N passed, N failed, N skipped`.
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Xml.Linq;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

static class TestRunner
{
    static int Main(string[] arguments)
    {
        // Tests get a writer of their own in place of this one.
        var listener = new Listener(Console.Out);
        var filter = arguments.Length == 0
            ? TestFilter.Empty
            : TestFilter.FromXml(new XElement("filter", new XElement("test", new XAttribute("re", "1"), arguments[0])).ToString());
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(Assembly.GetExecutingAssembly(), new Dictionary<string, object>());
        var result = runner.Run(listener, filter);
        if (result.FailCount == 0 && result.ResultState.Status == TestStatus.Failed)
            Console.WriteLine(result.Message);
        Console.WriteLine($"{result.PassCount} passed, {result.FailCount} failed, {result.SkipCount + result.InconclusiveCount} skipped");
        return result.ResultState.Status != TestStatus.Failed && result.PassCount > 0 ? 0 : 1;
    }

    sealed class Listener : ITestListener
    {
        readonly TextWriter output;

        internal Listener(TextWriter output) => this.output = output;

        public void TestFinished(ITestResult result)
        {
            if (result.Test.IsSuite && (result.FailCount > 0 || result.ResultState.Status != TestStatus.Failed))
                return;
            output.WriteLine($"{result.ResultState} {result.FullName} ({result.Duration:0.00} s)");
            if (result.ResultState.Status != TestStatus.Passed)
                output.WriteLine($"{result.Message}\n{result.StackTrace}\n{result.Output}");
        }

        public void TestStarted(ITest test) { }

        public void TestOutput(TestOutput output) { }

        public void SendMessage(TestMessage message) { }
    }
}
