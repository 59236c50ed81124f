using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The tokens that a step draws on the device: there once the step has ended. It is used for one step after the other.</summary>
/// <param name="device">The device.</param>
/// <param name="vocabulary">Logits of a row.</param>
internal sealed class DrawnTokens(ComputeDevice device, int vocabulary) : IDisposable
{
    /// <summary>Instead of a token: a logit is not a number.</summary>
    public const int NotANumber = -1;

    /// <summary>Instead of a token: all logits are −∞.</summary>
    public const int AllImpossible = -2;

    private readonly List<int> wanted = [];
    private PinnedArray<int> tokens = new(0);
    private PinnedArray<float> logits = new(0);
    private ComputeEvent read;
    private bool isUnderWay;
    private int count;

    /// <summary>Waits for the step.</summary>
    /// <returns>A token for each row, or why there is none.</returns>
    /// <exception cref="ComputeException">The device failed.</exception>
    public ReadOnlySpan<int> Wait()
    {
        if (isUnderWay)
        {
            isUnderWay = false;
            read.Wait();
            read.Dispose();
        }

        return tokens.Span[..count];
    }

    /// <summary>The logits of a row that were wanted, before anything changed them; empty for others.</summary>
    public ReadOnlySpan<float> LogitsOf(int row)
    {
        int place = wanted.IndexOf(row);
        return place < 0 ? [] : logits.Span.Slice(place * vocabulary, vocabulary);
    }

    /// <summary>Enqueues the reading of logits that are wanted, before draws change them.</summary>
    /// <param name="source">[rows, vocabulary].</param>
    /// <param name="rows">The rows, ascending.</param>
    internal void ReadLogits(DeviceBuffer<float> source, IReadOnlyList<int> rows)
    {
        _ = Wait();
        wanted.Clear();
        wanted.AddRange(rows);
        if (logits.Length < (long)wanted.Count * vocabulary)
        {
            logits = new PinnedArray<float>(checked(wanted.Count * vocabulary));
        }

        // Reading is rare, and waits: rows go to places of their own.
        for (int i = 0; i < wanted.Count; i++)
        {
            device.Queue.Read(source, logits.Span.Slice(i * vocabulary, vocabulary), (long)wanted[i] * vocabulary);
        }
    }

    /// <summary>Enqueues the reading of tokens.</summary>
    internal void Read(DeviceBuffer<int> drawn, int rows)
    {
        if (tokens.Length < rows)
        {
            tokens = new PinnedArray<int>(Math.Max(rows, 2 * tokens.Length));
        }

        count = rows;
        read = device.Queue.EnqueueRead(drawn, tokens, rows);
        isUnderWay = true;
        device.Queue.Flush();
    }

    /// <summary>Waits for a step under way: it writes to memory of this.</summary>
    public void Dispose()
    {
        try
        {
            _ = Wait();
        }
        catch (ComputeException)
        {
            // Whoever waits for the step is told.
        }
    }
}
