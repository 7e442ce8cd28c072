using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native.Tests;

/// <summary>A service that gives every query the same answer, for answers that the emulator never gives.</summary>
internal sealed class FakeService : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly string answer;
    private readonly Task serving;

    internal FakeService(string answer)
    {
        this.answer = answer;
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        probe.Stop();
        listener.Prefixes.Add(Address + "/");
        listener.Start();
        serving = ServeAsync();
    }

    internal string Address { get; }

    /// <summary>Every header of every query, as "name: value".</summary>
    internal ConcurrentBag<string> Headers { get; } = [];

    public void Dispose()
    {
        listener.Close();
        serving.Wait();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is ObjectDisposedException or HttpListenerException)
            {
                return;
            }
            bool query = context.Request.HttpMethod == "POST";
            if (query)
            {
                foreach (string? name in context.Request.Headers.AllKeys)
                {
                    Headers.Add($"{name}: {context.Request.Headers[name]}");
                }
            }
            context.Response.StatusCode = query ? 200 : 404;
            context.Response.ContentType = "application/json";
            context.Response.KeepAlive = false;
            byte[] body = query ? Encoding.UTF8.GetBytes(answer) : [];
            context.Response.ContentLength64 = body.Length;
            await context.Response.OutputStream.WriteAsync(body);
            context.Response.Close();
        }
    }
}
