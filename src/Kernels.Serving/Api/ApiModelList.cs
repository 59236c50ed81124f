namespace Kernels.Serving;

internal sealed record ApiModelList(string Object, ApiModel[] Data);
