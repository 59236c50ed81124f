using BenchmarkDotNet.Attributes;

namespace Kernels.Benchmarks.Host;

/// <summary>What the page allocator costs, without the moving of pages: pages of 16 tokens, a sequence of 4096.</summary>
[MemoryDiagnoser]
public class PageBenchmarks
{
    private const int Tokens = 4096;

    private PagePool pool = null!;
    private SequenceHandle sequence;

    [GlobalSetup]
    public void Fill()
    {
        pool = new PagePool(pages: 4 * Tokens / 16, pageSize: 16, new Unmoved());
        sequence = pool.AddSequence();

        // The last page has room, so that a fork that writes has to copy it.
        Extend(sequence, Tokens - 1);
    }

    /// <summary>256 pages are taken and given back.</summary>
    [Benchmark]
    public void CreateExtendRelease()
    {
        SequenceHandle other = pool.AddSequence();
        Extend(other, Tokens);
        pool.Release(other);
    }

    /// <summary>The last page is filled and a new one begun; both tokens are taken back.</summary>
    [Benchmark]
    public void ExtendByTwo()
    {
        Extend(sequence, 2);
        pool.Truncate(sequence, Tokens - 1);
    }

    [Benchmark]
    public void ForkRelease() => pool.Release(pool.Fork(sequence));

    /// <summary>The fork writes a token: its last page is no longer shared.</summary>
    [Benchmark]
    public void ForkExtendRelease()
    {
        SequenceHandle fork = pool.Fork(sequence);
        Extend(fork, 1);
        pool.Release(fork);
    }

    private void Extend(SequenceHandle which, int tokens)
    {
        if (!pool.TryReserve(which, tokens))
        {
            throw new InvalidOperationException("The pool is too small.");
        }
    }

    /// <summary>Pages without contents.</summary>
    private sealed class Unmoved : IPageStore
    {
        public void Copy(int source, int target)
        {
        }

        public void Save(int page, int slot)
        {
        }

        public void Load(int slot, int page)
        {
        }
    }
}
