using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Runs the sequences of a step as one, and has the tokens that come next. Its lists are kept from step to step. Where the decoder draws
/// tokens on the device, a step can begin before the one before it has ended: its sequences' last tokens are the device's to know.
/// </summary>
internal sealed class PackedStep(Decoder decoder) : IDisposable
{
    private readonly List<int> tokens = [];
    private readonly List<(int Sequence, int Tokens)> parts = [];
    private readonly List<int> rows = [];
    private readonly List<int> vectorRows = [];
    private readonly List<StepEntry> entries = [];
    private readonly StepDraws draws = new();
    private DrawnTokens? drawn;
    private float[] logits = [];
    private float[] vectors = [];

    /// <summary>The sequences of the step.</summary>
    public IReadOnlyList<StepEntry> Entries => entries;

    private bool DrawsOnDevice => decoder.DrawsOnDevice && rows.Count > 0 && vectorRows.Count == 0;

    /// <summary>Enqueues a step, and waits for it unless tokens are drawn on the device.</summary>
    /// <exception cref="ComputeException">The device failed; what the cache has of the sequences is not known.</exception>
    public void Begin(IReadOnlyList<EngineSequence> sequences)
    {
        tokens.Clear();
        parts.Clear();
        rows.Clear();
        vectorRows.Clear();
        entries.Clear();
        draws.Clear();
        foreach (EngineSequence sequence in sequences)
        {
            int first = decoder.Length(sequence.Slot);
            int firstRow = rows.Count;
            if (sequence.UnreadRow is { } unread)
            {
                tokens.Add(-1 - unread);
            }
            else
            {
                tokens.AddRange(sequence.Tokens.Slice(first, sequence.Planned));
            }

            if (sequence.Embedding is not null)
            {
                vectorRows.AddRange(Enumerable.Range(tokens.Count - sequence.Planned, sequence.Planned));
            }
            else if (sequence.UnreadRow is not null || first + sequence.Planned == sequence.Tokens.Length)
            {
                rows.AddRange(Enumerable.Range(tokens.Count - 1, 1 + sequence.Draft.Count));
            }

            tokens.AddRange(sequence.Draft);
            parts.Add((sequence.Slot, sequence.Planned + sequence.Draft.Count));
            entries.Add(new(sequence, sequence.Planned, firstRow..rows.Count));
        }

        if (!DrawsOnDevice)
        {
            Run();
            return;
        }

        foreach (StepEntry entry in entries)
        {
            for (int row = entry.Rows.Start.Value; row < entry.Rows.End.Value; row++)
            {
                entry.Sequence.AddDraw(draws, decoder.Config.VocabularySize, entry.DrawsOnHost);
            }
        }

        drawn ??= decoder.CreateDrawnTokens();
        decoder.Submit(CollectionsMarshal.AsSpan(tokens), CollectionsMarshal.AsSpan(parts), CollectionsMarshal.AsSpan(rows), draws, drawn);
        foreach (StepEntry entry in entries)
        {
            entry.Sequence.UnreadRow = entry.HasRows ? entry.Rows.Start.Value : null;
        }
    }

    /// <summary>Waits for the step. From here on its sequences' last tokens can be asked for.</summary>
    /// <exception cref="ComputeException">The device failed; what the cache has of the sequences is not known.</exception>
    public void End()
    {
        if (DrawsOnDevice)
        {
            _ = drawn!.Wait();
        }
    }

    /// <summary>The token that comes next in a sequence of the step.</summary>
    /// <param name="entry">The sequence.</param>
    /// <param name="row">Which of its rows: 0, or the number of guesses that were right.</param>
    /// <exception cref="ArgumentException">A logit is not a number, or no token may come.</exception>
    /// <exception cref="InvalidOperationException">What the text is held to is too large.</exception>
    public int Next(StepEntry entry, int row)
    {
        row += entry.Rows.Start.Value;
        if (DrawsOnDevice)
        {
            ReadOnlySpan<int> ids = drawn!.Wait();
            return entry.DrawsOnHost ? entry.Sequence.Draw(drawn.LogitsOf(row)) : entry.Sequence.Take(ids[row], drawn.LogitsOf(row));
        }

        int vocabulary = decoder.Config.VocabularySize;
        return entry.Sequence.Draw(logits.AsSpan(row * vocabulary, vocabulary));
    }

    /// <summary>Waits for a step under way.</summary>
    public void Dispose() => drawn?.Dispose();

    private void Run()
    {
        long needed = (long)rows.Count * decoder.Config.VocabularySize;
        if (needed > Array.MaxLength)
        {
            throw new InvalidOperationException(
                $"The step asks for {needed} logits ({rows.Count} tokens × {decoder.Config.VocabularySize}); it can have "
                    + $"{Array.MaxLength}: run fewer sequences at a time.");
        }

        if (logits.Length < needed)
        {
            logits = new float[needed];
        }

        int width = decoder.Config.HiddenSize;
        if (vectors.Length < vectorRows.Count * width)
        {
            vectors = new float[vectorRows.Count * width];
        }

        decoder.Forward(
            CollectionsMarshal.AsSpan(tokens), CollectionsMarshal.AsSpan(parts), CollectionsMarshal.AsSpan(rows),
            logits.AsSpan(0, (int)needed),
            CollectionsMarshal.AsSpan(vectorRows), vectors.AsSpan(0, vectorRows.Count * width));
        int taken = 0;
        foreach (StepEntry entry in entries)
        {
            if (entry.Sequence.Embedding is { } embedding)
            {
                embedding.Add(decoder.Length(entry.Sequence.Slot) - entry.Planned, vectors.AsSpan(taken * width, entry.Planned * width));
                taken += entry.Planned;
            }
        }
    }
}
