using Kernels.Costs;

namespace Decoders;

/// <summary>What a step takes: its linear layers and its attention, which run one after the other.</summary>
/// <param name="Weights">The linear layers, embedding and head included.</param>
/// <param name="Attention">The attention of all layers, with the writing of new keys and values.</param>
internal readonly record struct StepCost(WorkCost Weights, WorkCost Attention)
{
    /// <summary>Both.</summary>
    public WorkCost Total => Weights + Attention;

    /// <summary>Seconds that a device takes at least.</summary>
    public double Seconds(Roofline device) => device.GetSeconds(Weights) + device.GetSeconds(Attention);
}
