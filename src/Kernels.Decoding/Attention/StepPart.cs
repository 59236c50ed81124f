using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The sequences of a step that attend in one form, and where their tokens lie among those of the step.</summary>
internal sealed class StepPart
{
    private readonly List<(int First, int Count)> runs = [];
    private (int Sequence, int Tokens)[] sequences = new (int, int)[4];
    private int count;

    /// <summary>Each sequence with the number of its new tokens, in the order of the step.</summary>
    public ReadOnlySpan<(int Sequence, int Tokens)> Sequences => sequences.AsSpan(0, count);

    /// <summary>Tokens of the part.</summary>
    public int Tokens { get; private set; }

    // Rows of the step are then rows of the part.
    private bool IsFirst => runs is [(0, _)];

    /// <summary>The part's rows of a buffer of the step, packed.</summary>
    /// <param name="step">The step.</param>
    /// <param name="name">A scratch buffer for them, should they lie apart or further back.</param>
    /// <param name="all">[tokens of the step, width].</param>
    /// <param name="width">Elements of a row.</param>
    internal DeviceBuffer<float> Take(DecoderStep step, string name, DeviceBuffer<float> all, int width)
    {
        if (IsFirst)
        {
            return all;
        }

        DeviceBuffer<float> packed = step.Scratch(name, width);
        long next = 0;
        foreach ((int first, int rows) in runs)
        {
            step.Copy(all, (long)first * width, packed, next * width, (long)rows * width);
            next += rows;
        }

        return packed;
    }

    /// <summary>Where the part's rows of a buffer of the step are to be written; <see cref="Put"/> brings them there.</summary>
    internal DeviceBuffer<float> Target(DecoderStep step, string name, DeviceBuffer<float> all, int width) => IsFirst
        ? all : step.Scratch(name, width);

    /// <summary>Brings packed rows to where they belong in a buffer of the step.</summary>
    internal void Put(DecoderStep step, DeviceBuffer<float> packed, DeviceBuffer<float> all, int width)
    {
        long next = 0;
        foreach ((int first, int rows) in packed == all ? [] : runs)
        {
            step.Copy(packed, next * width, all, (long)first * width, (long)rows * width);
            next += rows;
        }
    }

    internal void Clear() => (count, Tokens) = (0, 0);

    /// <summary>Adds a sequence.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="first">Its first token among those of the step.</param>
    /// <param name="tokens">Its tokens.</param>
    internal void Add(int sequence, int first, int tokens)
    {
        if (count == 0)
        {
            runs.Clear();
        }

        if (count == sequences.Length)
        {
            Array.Resize(ref sequences, 2 * count);
        }

        sequences[count++] = (sequence, tokens);
        Tokens += tokens;
        if (runs is [.., var last] && last.First + last.Count == first)
        {
            runs[^1] = (last.First, last.Count + tokens);
        }
        else
        {
            runs.Add((first, tokens));
        }
    }
}
