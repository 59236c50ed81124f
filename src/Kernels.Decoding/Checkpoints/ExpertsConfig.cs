using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>The experts of a mixture of experts.</summary>
/// <param name="Count">Experts of a layer.</param>
/// <param name="PerToken">Experts that each token is given to.</param>
internal sealed record ExpertsConfig(int Count, int PerToken)
{
    /// <summary>How a token's experts are chosen and weighted.</summary>
    public RoutingConfig Routing { get; init; } = new();

    /// <summary>Elements between the two halves of an expert.</summary>
    public required int Width { get; init; }

    /// <summary>The same of the expert that every token has besides; 0: there is none.</summary>
    public int SharedWidth { get; init; }

    /// <summary>The first layer with experts; those before are dense.</summary>
    public int FirstLayer { get; init; }

    /// <summary>From there on every how many layers one has experts.</summary>
    public int Period { get; init; } = 1;

    /// <summary>Whether those are the last ones of as many layers, counted from layer 0; else the first ones.</summary>
    public bool EndsPeriod { get; init; }

    /// <summary>Layers that are dense besides.</summary>
    public ImmutableArray<int> DenseLayers { get; init; } = [];

    /// <summary>What gates and the values they multiply are clamped to (gpt-oss).</summary>
    public double GateLimit { get; init; }

    /// <summary>Whether a layer has experts.</summary>
    public bool Serve(int layer) => layer >= FirstLayer && (EndsPeriod ? layer + 1 : layer) % Period == 0 && !DenseLayers.Contains(layer);
}
