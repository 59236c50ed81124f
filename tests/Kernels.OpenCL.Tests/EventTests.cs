namespace Kernels.OpenCL.Tests;

public sealed class EventTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private ComputeDevice Device => fixture.Device;

    private ComputeQueue Queue => Device.Queue;

    [SkippableFact]
    public async Task ALaunchIsAwaited()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(1 << 14);
        using ComputeKernel kernel = fixture.Kernel("place");
        using ComputeEvent launch = Queue.Enqueue(kernel.Set(0, buffer), 1 << 14, 1);
        await launch;
        Assert.True(launch.IsComplete);
        await launch;
        launch.Wait();
    }

    [SkippableFact]
    public async Task AWaitEndsWithTheCommandAndNotBefore()
    {
        using UserEvent command = new(Device);
        Task first = command.Event.AsValueTask().AsTask();
        Task second = command.Event.AsValueTask().AsTask();
        Task blocked = Task.Run(() => command.Event.Wait());
        using CancellationTokenSource never = new();
        Task blockedWithToken = Task.Run(() => command.Event.Wait(never.Token));
        await Task.Delay(100);
        Assert.False(command.Event.IsComplete);
        Assert.False(first.IsCompleted || second.IsCompleted || blocked.IsCompleted || blockedWithToken.IsCompleted);
        command.End();
        await Task.WhenAll(first, second, blocked, blockedWithToken).WaitAsync(Patience);
        Assert.True(command.Event.IsComplete);
    }

    [SkippableFact]
    public async Task ManyWaitsAtOnce()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(64);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        for (int round = 0; round < 5; round++)
        {
            ComputeEvent[] events = [.. Enumerable.Range(0, 400).Select(_ => Queue.Enqueue(kernel, 64, 1))];
            await Task.WhenAll(events.Select(one => one.AsValueTask().AsTask())).WaitAsync(Patience);
            Assert.All(events, one => Assert.True(one.IsComplete));
            foreach (ComputeEvent one in events)
            {
                one.Dispose();
            }
        }
    }

    [SkippableFact]
    public async Task ContinuationsRunOnTheThreadPool()
    {
        using UserEvent command = new(Device);
        bool onPool = false;
        Task wait = Task.Run(async () =>
        {
            await command.Event.AsValueTask().ConfigureAwait(false);
            onPool = Thread.CurrentThread.IsThreadPoolThread;
        });
        await Task.Delay(50);
        command.End();
        await wait.WaitAsync(Patience);
        Assert.True(onPool);
    }

    [SkippableFact]
    public async Task ACancelledWaitThrowsAndTheQueueGoesOn()
    {
        using DeviceBuffer<int> buffer = Device.Upload<int>([1, 2, 3]);
        using CancellationTokenSource cancellation = new();
        using (UserEvent before = new(Device))
        {
            before.HoldUp(Queue);
            using ComputeEvent fill = Queue.EnqueueFill(buffer, 9, 0, 2);
            Task asynchronous = fill.AsValueTask(cancellation.Token).AsTask();
            Task blocking = Task.Run(() => fill.Wait(cancellation.Token));
            await Task.Delay(50);
            Assert.False(asynchronous.IsCompleted || blocking.IsCompleted);
            await cancellation.CancelAsync();
            OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asynchronous.WaitAsync(Patience));
            Assert.Equal(cancellation.Token, e.CancellationToken);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => blocking.WaitAsync(Patience));
            Assert.False(fill.IsComplete);
            before.End();
            await fill.AsValueTask().AsTask().WaitAsync(Patience);
        }

        int[] data = new int[3];
        Queue.Read(buffer, data);
        Assert.Equal([9, 9, 3], data);
    }

    [SkippableFact]
    public async Task AWaitCancelledBeforeItBeginsThrows()
    {
        using UserEvent command = new(Device);
        CancellationToken cancelled = new(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => command.Event.AsValueTask(cancelled).AsTask());
        Assert.Throws<OperationCanceledException>(() => command.Event.Wait(cancelled));
    }

    [SkippableFact]
    public async Task CancellingAndEndingAtTheSameTimeGivesOneOfThem()
    {
        for (int round = 0; round < 100; round++)
        {
            using UserEvent command = new(Device);
            using CancellationTokenSource cancellation = new();
            Task wait = command.Event.AsValueTask(cancellation.Token).AsTask();
            Task cancel = Task.Run(cancellation.Cancel);
            command.End();
            await cancel;
            try
            {
                await wait.WaitAsync(Patience);
            }
            catch (OperationCanceledException e)
            {
                Assert.Equal(cancellation.Token, e.CancellationToken);
            }

            // What was used again after the race must be sound.
            using UserEvent next = new(Device);
            Task nextWait = next.Event.AsValueTask().AsTask();
            Assert.False(nextWait.IsCompleted);
            next.End();
            await nextWait.WaitAsync(Patience);
        }
    }

    [SkippableTheory]
    [InlineData(-5, typeof(ComputeException))]
    [InlineData(-4, typeof(DeviceOutOfMemoryException))]
    public async Task ACommandThatFailsFailsItsWaits(int code, Type expected)
    {
        using UserEvent command = new(Device);
        Task early = command.Event.AsValueTask().AsTask();
        using CancellationTokenSource never = new();
        Task blocked = Task.Run(() => command.Event.Wait(never.Token));
        await Task.Delay(50);
        command.End(code);
        ComputeException[] failures =
        [
            await Assert.ThrowsAnyAsync<ComputeException>(() => early.WaitAsync(Patience)),
            await Assert.ThrowsAnyAsync<ComputeException>(() => blocked.WaitAsync(Patience)),
            await Assert.ThrowsAnyAsync<ComputeException>(() => command.Event.AsValueTask().AsTask()),
            Assert.ThrowsAny<ComputeException>(() => command.Event.Wait()),
            Assert.ThrowsAny<ComputeException>(() => command.Event.Wait(never.Token)),
        ];
        Assert.All(failures, e => Assert.IsType(expected, e));
        Assert.All(failures, e => Assert.Equal(code, e.Code));
        Assert.True(command.Event.IsComplete);
        Assert.False(Device.IsLost);
    }

    [SkippableFact]
    public async Task ADisposedEventThrowsAndItsWaitsGoOn()
    {
        using UserEvent command = new(Device);
        ComputeEvent copy = command.Event;
        Task wait = copy.AsValueTask().AsTask();
        copy.Dispose();
        copy.Dispose();
        Assert.Throws<ObjectDisposedException>(() => copy.IsComplete);
        Assert.Throws<ObjectDisposedException>(() => copy.Wait());
        Assert.Throws<ObjectDisposedException>(() => copy.GetTimes());
        Assert.Throws<ObjectDisposedException>(() => { _ = copy.AsValueTask(); });
        Assert.False(wait.IsCompleted);
        command.End();
        await wait.WaitAsync(Patience);
    }

    [SkippableFact]
    public void AnEventDoesNotBecomeTheNextOne()
    {
        ComputeEvent first = Queue.EnqueueMarker();
        first.Dispose();
        List<ComputeEvent> next = [.. Enumerable.Range(0, 50).Select(_ => Queue.EnqueueMarker())];
        Assert.Throws<ObjectDisposedException>(() => first.IsComplete);
        first.Dispose();
        Queue.Finish();
        foreach (ComputeEvent one in next)
        {
            Assert.NotEqual(first, one);
            Assert.True(one.IsComplete);
            one.Dispose();
        }
    }

    [Fact]
    public async Task DefaultIsACommandThatEnded()
    {
        ComputeEvent nothing = default;
        Assert.True(nothing.IsComplete);
        nothing.Wait();
        await nothing;
        Assert.Throws<InvalidOperationException>(() => nothing.GetTimes());
        nothing.Dispose();
    }

    [SkippableFact]
    public void TimesAreInOrder()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(1 << 16);
        using ComputeKernel kernel = fixture.Kernel("place");
        using ComputeEvent first = Queue.Enqueue(kernel.Set(0, buffer), 1 << 16, 1);
        using ComputeEvent second = Queue.Enqueue(kernel, 1 << 16, 1);
        second.Wait();
        EventTimes one = first.GetTimes();
        EventTimes two = second.GetTimes();
        foreach (EventTimes times in (EventTimes[])[one, two])
        {
            Assert.True(times.QueuedNanoseconds <= times.SubmittedNanoseconds);
            Assert.True(times.SubmittedNanoseconds <= times.StartedNanoseconds);
            Assert.True(times.StartedNanoseconds <= times.EndedNanoseconds);
            Assert.InRange(times.ElapsedNanoseconds, 1, 30_000_000_000);
        }

        Skip.If(one == two, "The driver makes its times up: they are the same for every command.");
        Assert.True(one.EndedNanoseconds <= two.StartedNanoseconds);
    }

    [SkippableFact]
    public async Task TimesNeedAProfilingQueueAndAnEndedCommand()
    {
        using ComputeQueue plain = Device.CreateQueue(profiling: false);
        Assert.False(plain.Profiling);
        using ComputeEvent untimed = plain.EnqueueMarker();
        untimed.Wait();
        Assert.Contains("does not record times", Assert.Throws<InvalidOperationException>(() => untimed.GetTimes()).Message);

        using UserEvent before = new(Device);
        before.HoldUp(Queue);
        using DeviceBuffer<int> buffer = Device.Allocate<int>(1);
        using ComputeEvent pending = Queue.EnqueueFill(buffer, 1, 0, 1);
        Task<EventTimes> times = Task.Run(() => pending.GetTimes());
        await Task.Delay(50);
        Assert.False(times.IsCompleted);
        before.End();
        Assert.True((await times.WaitAsync(Patience)).ElapsedNanoseconds >= 0);
    }

    [SkippableFact]
    public async Task EventsThatNobodyDisposedDoNoHarm()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(16);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        int released = EventState.FinalizedCount;
        for (int i = 0; i < 2000; i++)
        {
            _ = Queue.Enqueue(kernel, 16, 1);
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.True(EventState.FinalizedCount - released > 1000);
        using ComputeEvent last = Queue.Enqueue(kernel, 16, 1);
        await last.AsValueTask().AsTask().WaitAsync(Patience);
    }
}
