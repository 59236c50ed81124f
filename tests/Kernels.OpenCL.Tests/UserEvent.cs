using Kernels.OpenCL.Native;
using Silk.NET.OpenCL;

namespace Kernels.OpenCL.Tests;

/// <summary>
/// An OpenCL event that the test itself ends, well or with an error: a command that takes exactly as long as the test wants.
/// </summary>
internal sealed unsafe class UserEvent : IDisposable
{
    private readonly nint handle;
    private bool ended;

    public UserEvent(ComputeDevice device)
    {
        using HandleScope context = new(device.Context);
        int code;
        handle = OpenClLibrary.Api.CreateUserEvent(context.Value, &code);
        Assert.Equal(ClStatus.Success, code);
        Assert.Equal(ClStatus.Success, ClApi.RetainEvent(handle));
        Event = EventState.Open(device.Queue, handle);
    }

    public ComputeEvent Event { get; }

    /// <summary>0 for a good end, else OpenCL's code of the error.</summary>
    public void End(int status = 0)
    {
        ended = true;
        Assert.Equal(ClStatus.Success, OpenClLibrary.Api.SetUserEventStatus(handle, status));
    }

    /// <summary>Makes the commands enqueued after this one wait for the end.</summary>
    public void HoldUp(ComputeQueue queue)
    {
        nint awaited = handle;
        using HandleScope commands = new(queue.Handle);
        Assert.Equal(ClStatus.Success, OpenClLibrary.Api.EnqueueBarrierWithWaitList(commands.Value, 1, &awaited, null));
    }

    public void Dispose()
    {
        if (!ended)
        {
            End();
        }

        Event.Dispose();
        _ = ClApi.ReleaseEvent(handle);
    }
}
