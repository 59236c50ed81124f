using Kernels.Costs;

namespace Decoders;

/// <summary>A step of the grid, as it was predicted and perhaps measured.</summary>
/// <param name="Phase">Whether it is of prompts or of single tokens.</param>
/// <param name="Batch">Sequences.</param>
/// <param name="Context">Tokens of each.</param>
/// <param name="Cost">What it takes.</param>
/// <param name="Device">The device that it is predicted for; where it was measured, as it was found to be just then.</param>
/// <param name="Measured">Seconds as measured; null if it was not.</param>
internal sealed record RooflinePoint(RooflinePhase Phase, int Batch, int Context, StepCost Cost, Roofline Device, double? Measured)
{
    /// <summary>Seconds by the roofline.</summary>
    public double Predicted => Cost.Seconds(Device);

    /// <summary>New tokens of the step.</summary>
    public long Tokens => Phase == RooflinePhase.Decode ? Batch : (long)Batch * Context;
}
