import { Module } from '@nestjs/common';
import { RabbitmqClient } from './rabbitmq.client.js';

@Module({ providers: [RabbitmqClient], exports: [RabbitmqClient] })
export class RabbitmqModule {}
