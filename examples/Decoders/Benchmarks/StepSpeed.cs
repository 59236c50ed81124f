namespace Decoders;

/// <summary>How fast a step of a model ran, and where its time goes.</summary>
/// <param name="Step">Which step.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Seconds">The median of several runs.</param>
/// <param name="Linear">The part of linear layers in a step whose launches are each waited for.</param>
/// <param name="Layers">The part of the other kernels around attention.</param>
internal sealed record StepSpeed(string Step, int Tokens, double Seconds, double Linear, double Layers)
{
    /// <summary>The part of attention, planning, and what the host does.</summary>
    public double Attention => 1 - Linear - Layers;
}
