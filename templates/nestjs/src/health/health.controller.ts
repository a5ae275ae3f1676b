import { Controller, Get, Header, HttpStatus, Res } from '@nestjs/common';
import { type HealthReport, HealthService } from './health.service.js';

/** The part of the HTTP response that is needed to choose the status code. */
interface StatusResponse {
  status(code: number): unknown;
}

@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  /** Readiness: 200 when every dependency answers, 503 when one does not. */
  @Get()
  @Header('Cache-Control', 'no-store')
  async ready(@Res({ passthrough: true }) response: StatusResponse): Promise<HealthReport> {
    const report = await this.health.check();
    response.status(report.status === 'ok' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }

  /** Liveness: the process serves requests, whatever its dependencies do. */
  @Get('live')
  @Header('Cache-Control', 'no-store')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
