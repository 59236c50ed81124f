using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>The attention types that this program was compiled with, by the geometry of a model's heads.</summary>
public static class AttentionRegistry
{
    private static readonly Entry[] Entries =
    [
        Entry.Of<Heads6Over2Of32>(),
        Entry.Of<Heads8Over2Of16>(),
        Entry.Of<Heads4Over2Of16>(),
        Entry.Of<Heads9Over3Of64>(),
        Entry.Of<Heads15Over5Of64>(),
        Entry.Of<Heads32Over4Of64>(),
        Entry.Of<Heads32Over8Of64>(),
        Entry.Of<Heads24Over8Of128>(),
        Entry.Of<Heads32Over32Of128>(),
        Entry.Of<Heads32Over8Of128>(),
        Entry.Of<Heads64Over8Of128>(),
    ];

    /// <summary>Makes the attention of a model.</summary>
    /// <param name="device">The device.</param>
    /// <param name="config">The model.</param>
    /// <param name="sequences">Sequences that run side by side.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <exception cref="CheckpointException">No attention kernel was compiled in for the model's heads; the message has the attribute to add.</exception>
    public static IDecoderAttention Create(ComputeDevice device, ModelConfig config, int sequences, int capacity)
    {
        Entry entry = Entries.FirstOrDefault(candidate => candidate.Matches(config)) ?? throw new CheckpointException(
            ModelConfig.FileName,
            $"""
            no attention kernel was compiled in for {config.QueryHeads} query heads over {config.KvHeads} KV heads of {config.HeadDim}. Add to Attention/KnownModels.cs:
                [AttentionKernel(queryHeads: {config.QueryHeads}, kvHeads: {config.KvHeads}, headDim: {config.HeadDim}, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
                internal sealed partial class Heads{config.QueryHeads}Over{config.KvHeads}Of{config.HeadDim};
            and Entry.Of<Heads{config.QueryHeads}Over{config.KvHeads}Of{config.HeadDim}>() to Attention/AttentionRegistry.cs.
            """);
        return entry.Create(device, sequences, capacity, config.Layers);
    }

    private sealed record Entry(AttentionShape Shape, Func<ComputeDevice, int, int, int, IDecoderAttention> Create)
    {
        public static Entry Of<TAttention>() where TAttention : class, IContiguousAttention<TAttention, float> => new(
            TAttention.Descriptor.Shape,
            (device, sequences, capacity, layers) => new GeneratedAttention<TAttention>(TAttention.Create(device), sequences, capacity, layers));

        public bool Matches(ModelConfig config) =>
            (Shape.QueryHeads, Shape.KvHeads, Shape.HeadDim) == (config.QueryHeads, config.KvHeads, config.HeadDim);
    }
}
