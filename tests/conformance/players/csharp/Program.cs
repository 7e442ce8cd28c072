// The player in C# of tests/conformance: it carries out its input through Kusto.Ingest.Native and reports the results.
using System;
using System.IO;
using System.Text;
using System.Threading.Tasks;

internal static class Program
{
    private static async Task<int> Main()
    {
        UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
        using StreamReader input = new(Console.OpenStandardInput(), utf8, detectEncodingFromByteOrderMarks: false);
        using StreamWriter output = new(Console.OpenStandardOutput(), utf8);
        Player player = new();
        try
        {
            while (Message.Next(input) is { } message)
            {
                (await Answered(player, message)).Send(output);
            }
            await player.Reset();
            return 0;
        }
        catch (MisunderstoodException misunderstood)
        {
            Console.Error.WriteLine(misunderstood.Message);
            return 2;
        }
    }

    private static async Task<Answer> Answered(Player player, Message message)
    {
        Answer answer = new("ok");
        try
        {
            await player.Play(message, answer);
            return answer;
        }
        catch (Exception failure) when (failure is not MisunderstoodException)
        {
            return Error.Of(failure);
        }
    }
}
