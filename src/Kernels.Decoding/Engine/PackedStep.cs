using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Runs the sequences of a step as one, and has their logits. Its lists are kept from step to step.</summary>
internal sealed class PackedStep(Decoder decoder)
{
    private readonly List<int> tokens = [];
    private readonly List<(int Sequence, int Tokens)> parts = [];
    private readonly List<int> rows = [];

    // The rows of each sequence: one after its last known token and one after each guess, or none.
    private readonly List<Range> rowsOf = [];
    private readonly List<int> vectorRows = [];
    private float[] logits = [];
    private float[] vectors = [];

    /// <exception cref="ComputeException">The device failed; what the cache has of the sequences is not known.</exception>
    public void Run(IReadOnlyList<EngineSequence> sequences)
    {
        tokens.Clear();
        parts.Clear();
        rows.Clear();
        rowsOf.Clear();
        vectorRows.Clear();
        foreach (EngineSequence sequence in sequences)
        {
            int first = decoder.Length(sequence.Slot);
            int firstRow = rows.Count;
            tokens.AddRange(sequence.Tokens.Slice(first, sequence.Planned));
            if (sequence.Embedding is not null)
            {
                vectorRows.AddRange(Enumerable.Range(tokens.Count - sequence.Planned, sequence.Planned));
            }
            else if (first + sequence.Planned == sequence.Tokens.Length)
            {
                rows.AddRange(Enumerable.Range(tokens.Count - 1, 1 + sequence.Draft.Count));
            }

            tokens.AddRange(sequence.Draft);
            parts.Add((sequence.Slot, sequence.Planned + sequence.Draft.Count));
            rowsOf.Add(firstRow..rows.Count);
        }

        long needed = (long)rows.Count * decoder.Config.VocabularySize;
        if (needed > Array.MaxLength)
        {
            throw new InvalidOperationException(
                $"The step asks for {needed} logits ({rows.Count} tokens × {decoder.Config.VocabularySize}); it can have {Array.MaxLength}: run fewer sequences at a time.");
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
            CollectionsMarshal.AsSpan(tokens), CollectionsMarshal.AsSpan(parts), CollectionsMarshal.AsSpan(rows), logits.AsSpan(0, (int)needed),
            CollectionsMarshal.AsSpan(vectorRows), vectors.AsSpan(0, vectorRows.Count * width));
        int taken = 0;
        foreach (EngineSequence sequence in sequences)
        {
            if (sequence.Embedding is { } embedding)
            {
                embedding.Add(decoder.Length(sequence.Slot) - sequence.Planned, vectors.AsSpan(taken * width, sequence.Planned * width));
                taken += sequence.Planned;
            }
        }
    }

    /// <summary>The logits of a sequence of the step, [rows, vocabulary]; empty if the step ends before its last known token.</summary>
    /// <param name="index">Its place in the step.</param>
    public ReadOnlySpan<float> LogitsOf(int index)
    {
        int vocabulary = decoder.Config.VocabularySize;
        return logits.AsSpan((rowsOf[index].Start.Value * vocabulary)..(rowsOf[index].End.Value * vocabulary));
    }
}
