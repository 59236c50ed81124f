namespace Kernels.OpenCL;

/// <summary>The sequences of one step, to find one that occurs twice: a mark for each, so that emptying the set costs nothing.</summary>
internal sealed class SequenceSet
{
    private long[] marks = [];
    private long round;

    /// <summary>Empties the set.</summary>
    public void Clear() => round++;

    /// <summary>Adds a sequence.</summary>
    /// <param name="index">Its index in the cache, from 0.</param>
    /// <returns>False when it is there already.</returns>
    public bool Add(int index)
    {
        if (index >= marks.Length)
        {
            Array.Resize(ref marks, Math.Max(index + 1, (int)Math.Min(Array.MaxLength, 2L * marks.Length)));
        }

        bool isNew = marks[index] != round;
        marks[index] = round;
        return isNew;
    }
}
