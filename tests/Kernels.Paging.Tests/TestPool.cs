using Kernels.Paging.Tests.Histories;

namespace Kernels.Paging.Tests;

/// <summary>A pool whose pages hold the tokens themselves.</summary>
internal sealed class TestPool
{
    public TestPool(int pages, int pageSize, PrefixHash? hash = null)
    {
        Memory = new SimulatedMemory(pages, pageSize);
        Faults = new FaultyStore(Memory);
        Pool = hash is null ? new PagePool(pages, pageSize, Faults) : new PagePool(pages, pageSize, Faults, hash);
    }

    public PagePool Pool { get; }

    public SimulatedMemory Memory { get; }

    public FaultyStore Faults { get; }

    /// <summary>A new sequence with these tokens.</summary>
    public SequenceHandle With(params int[] tokens)
    {
        SequenceHandle sequence = Pool.AddSequence();
        Assert.True(TryAppend(sequence, tokens));
        return sequence;
    }

    /// <summary>A new sequence with these tokens, published.</summary>
    public SequenceHandle Published(params int[] tokens)
    {
        SequenceHandle sequence = With(tokens);
        Pool.Publish(sequence, tokens);
        return sequence;
    }

    public bool TryAppend(SequenceHandle sequence, params int[] tokens)
    {
        int length = Pool.GetLength(sequence);
        if (!Pool.TryReserve(sequence, tokens.Length))
        {
            return false;
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            Memory.Write(Pool.Slots.GetSlot(sequence, length + i), tokens[i]);
        }

        return true;
    }

    public int[] Pages(SequenceHandle sequence) => Pool.GetPages(sequence).ToArray();

    /// <summary>What a kernel that goes by the sequence's pages would read.</summary>
    public int[] Read(SequenceHandle sequence)
    {
        int[] pages = Pages(sequence);
        int[] tokens = new int[Pool.GetLength(sequence)];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = (int)Memory.ReadAll()[(pages[i / Pool.PageSize] * Pool.PageSize) + (i % Pool.PageSize)];
        }

        return tokens;
    }
}
