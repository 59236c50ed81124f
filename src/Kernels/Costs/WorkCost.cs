namespace Kernels.Costs;

/// <summary>What work takes of a device: the two numbers that the roofline model weighs against each other.</summary>
/// <param name="Flops">Floating-point operations; a multiplication with an addition is two. From 2^53 on they are rounded.</param>
/// <param name="Bytes">Bytes that have to come from or go to device memory: each once, however often it is used.</param>
public readonly record struct WorkCost(double Flops, long Bytes)
{
    /// <summary>Arithmetic intensity, FLOPs per byte; 0 for work that moves nothing.</summary>
    public double Intensity => Bytes == 0 ? 0 : Flops / Bytes;

    /// <summary>Both, one after the other.</summary>
    /// <exception cref="OverflowException">The bytes exceed 64 bits.</exception>
    public static WorkCost operator +(WorkCost left, WorkCost right) => new(left.Flops + right.Flops, checked(left.Bytes + right.Bytes));

    /// <summary>The same work a number of times.</summary>
    /// <exception cref="OverflowException">The bytes exceed 64 bits.</exception>
    public static WorkCost operator *(WorkCost cost, long times) => new(cost.Flops * times, checked(cost.Bytes * times));
}
