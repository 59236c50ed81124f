using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>An OpenCL call failed, or would have failed: the message names the operation, the device and OpenCL's code.</summary>
public class ComputeException : Exception
{
    internal ComputeException(string message, int code, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>OpenCL's return code, such as -5.</summary>
    public int Code { get; }

    /// <summary>The code's name in OpenCL's headers, such as <c>CL_OUT_OF_RESOURCES</c>.</summary>
    public string CodeName => ClStatus.NameOf(Code);
}
