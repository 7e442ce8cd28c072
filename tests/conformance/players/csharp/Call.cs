using System.Threading;
using System.Threading.Tasks;

/// <summary>Calls a client and fills the answer.</summary>
internal delegate Task Verb(Message message, Answer answer, CancellationToken token);

/// <summary>A call in the background.</summary>
internal sealed class Call
{
    private readonly CancellationTokenSource cancellation = new();

    internal Call(Verb verb, Message message) => Answered = Begin(verb, message);

    /// <summary>Its answer.</summary>
    internal Task<Answer> Answered { get; }

    internal void Cancel() => cancellation.Cancel();

    /// <summary>Ends it for good.</summary>
    internal async Task Forget()
    {
        Cancel();
        await Answered.ContinueWith(static _ => { }, TaskScheduler.Default);
        cancellation.Dispose();
    }

    private async Task<Answer> Begin(Verb verb, Message message)
    {
        if (message.Flag("cancelled"))
        {
            Cancel();
        }
        Answer answer = new("ok");
        await verb(message, answer, cancellation.Token);
        return answer;
    }
}
