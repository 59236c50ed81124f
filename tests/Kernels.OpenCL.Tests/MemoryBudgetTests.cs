namespace Kernels.OpenCL.Tests;

public sealed class MemoryBudgetTests
{
    private readonly MemoryBudget budget = new(DeviceSelectorTests.Fake(0, 0, "Device", "Platform", DeviceKind.Gpu).Capabilities);

    [Fact]
    public void CountsWhatIsTakenAndGivenBack()
    {
        Assert.Equal(400, budget.AvailableBytes);
        Assert.True(budget.TryReserve(400));
        Assert.True(budget.TryReserve(350));
        Assert.Equal(750, budget.AllocatedBytes);
        Assert.Equal(250, budget.AvailableBytes);
        budget.Release(400);
        Assert.Equal(350, budget.AllocatedBytes);
        Assert.Equal(400, budget.AvailableBytes);
    }

    [Fact]
    public void ARefusalTakesNothing()
    {
        Assert.False(budget.TryReserve(401));
        Assert.True(budget.TryReserve(400));
        Assert.True(budget.TryReserve(400));
        Assert.False(budget.TryReserve(201));
        Assert.Equal(800, budget.AllocatedBytes);
        Assert.True(budget.TryReserve(200));
        Assert.False(budget.TryReserve(1));
        Assert.Equal(0, budget.AvailableBytes);
    }

    [Fact]
    public void ThreadsTogetherTakeNoMoreThanThereIs()
    {
        int taken = 0;
        Parallel.For(0, 1000, _ =>
        {
            if (budget.TryReserve(10))
            {
                Interlocked.Increment(ref taken);
            }
        });

        // A try under way can make another fail, never succeed: 100 at most.
        Assert.InRange(taken, 1, 100);
        Assert.Equal(10 * taken, budget.AllocatedBytes);
    }
}
