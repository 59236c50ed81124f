namespace Kernels.Conformance;

/// <summary>Where a case has numbers that no sound model gives.</summary>
internal enum PoisonPlace
{
    Query,
    Key,
    Value,
    Bias,
    Sink,
}
