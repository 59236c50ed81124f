namespace Kernels.Decoding;

/// <summary>Gathers the vectors of a text's tokens as the steps of an engine give them.</summary>
/// <param name="length">Tokens of the text.</param>
/// <param name="dimensions">Elements of a vector.</param>
/// <param name="pooling">What becomes of them.</param>
internal sealed class EmbeddingJob(int length, int dimensions, EmbeddingPooling pooling)
{
    private readonly double[] sum = new double[dimensions];
    private readonly TaskCompletionSource<float[]> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int taken;

    /// <summary>The text's vector, of length 1.</summary>
    public Task<float[]> Result => result.Task;

    /// <summary>
    /// Takes the vectors of the next tokens; those that were taken before, which run again after a preemption, are passed over.
    /// </summary>
    /// <param name="first">The first token's place in the text.</param>
    /// <param name="vectors">[tokens, dimensions].</param>
    public void Add(int first, ReadOnlySpan<float> vectors)
    {
        for (; !vectors.IsEmpty; vectors = vectors[dimensions..], first++)
        {
            if (first != taken)
            {
                continue;
            }

            taken++;
            for (int i = 0; i < dimensions && (pooling == EmbeddingPooling.Mean || taken == length); i++)
            {
                sum[i] += vectors[i];
            }
        }
    }

    /// <summary>Ends the job.</summary>
    public void Complete(Exception? error, FinishReason reason)
    {
        if (error is not null)
        {
            result.TrySetException(error);
        }
        else if (reason == FinishReason.Cancelled || taken < length)
        {
            result.TrySetCanceled();
        }
        else
        {
            double norm = Math.Sqrt(sum.Sum(x => x * x));
            result.TrySetResult([.. sum.Select(x => norm > 0 ? (float)(x / norm) : 0)]);
        }
    }
}
