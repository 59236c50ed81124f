namespace Kernels.Decoding;

/// <summary>
/// What becomes of a logit before a token is drawn on the device: (logit &gt; 0 ? logit / penalty : logit · penalty) + bias.
/// </summary>
/// <param name="Row">The row of logits.</param>
/// <param name="Token">The logit's token.</param>
/// <param name="Penalty">The repetition penalty; 1 for none.</param>
/// <param name="Bias">What is added.</param>
internal readonly record struct LogitChange(int Row, int Token, float Penalty, float Bias)
{
    /// <summary>32-bit words of one.</summary>
    public const int Words = 4;

    /// <summary>Writes it as the kernel reads it.</summary>
    public void Write(Span<int> words)
    {
        words[0] = Row;
        words[1] = Token;
        words[2] = BitConverter.SingleToInt32Bits(Penalty);
        words[3] = BitConverter.SingleToInt32Bits(Bias);
    }
}
